import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { SCALE } from "../support/dice.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { fc } from "../support/properties.ts";
import { type Action, type Model, newModel, predict, shown } from "./model.ts";
import { openThread, type RealThread } from "./model-thread.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

/** Whether there is anything to do it to. */
function isPossible({ leases, runs, reviews }: Model, { type }: Action): boolean {
  if (type === "put" || type === "finish") return leases.length > 0;
  if (type === "decide") return reviews.length > 0;
  return type === "input" || runs.length > 0;
}

/** How each kind of action has ended so far. */
const seen = new Set<string>();

const command = (action: Action): fc.AsyncCommand<Model, RealThread> => ({
  check: (model) => isPossible(model, action),
  async run(model, thread) {
    const end = predict(model, action);
    seen.add(`${action.type}: ${end}`);
    expect([await thread.perform(action), await thread.look()]).toEqual([end, shown(model)]);
  },
  toString: () => Object.values(action).join(" "),
});

// Mostly the lease that is held; the others are what zombies still hold.
const lease = fc.constantFrom(0, 0, 0, 1, 2);
const back = fc.constantFrom(0, 0, 1, 2);
const actions: fc.Arbitrary<Action>[] = [
  fc.constant({ type: "input" }),
  ...Array(4).fill(fc.constant({ type: "claim" })),
  fc.record({ type: fc.constant("put"), lease }),
  fc.record({ type: fc.constant("finish"), lease, ask: fc.boolean() }),
  fc.record({ type: fc.constant("finish"), lease, ask: fc.constant(true) }),
  fc.constant({ type: "pass" }),
  fc.record({ type: fc.constant("reap"), wait: fc.constant(true) }),
  fc.record({ type: fc.constant("reap"), wait: fc.boolean() }),
  fc.record({ type: fc.constant("decide"), by: fc.constantFrom("ana", "ben"), review: fc.constant(0) }),
  fc.record({ type: fc.constant("decide"), by: fc.constantFrom("ana", "ben"), review: back }),
  fc.record({ type: fc.constant("cancel"), run: back }),
];
const commands = fc.commands(
  actions.map((action) => action.map(command)),
  { maxCommands: 80, size: "max" },
);

// Everything that can come of an action; a search that never sees one of them has not looked at it.
const ENDS = [
  "input: ok",
  "input: guarded",
  "claim: ok",
  "claim: nothing",
  "put: ok",
  "put: lease_lost",
  "finish: ok",
  "finish: lease_lost",
  "reap: nothing",
  "reap: lose_lease",
  "reap: cancelled",
  "reap: poison",
  "decide: ok",
  "decide: already_decided",
  "decide: superseded",
  "decide: cancelled",
];

test("whatever happens to a thread, in any order, is what the model says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), commands, async (guarded, planned) => {
      await fc.asyncModelRun(() => ({ model: newModel(guarded), real: openThread(house, guarded) }), planned);
    }),
    { seed: 4, numRuns: 150 * SCALE },
  );
  expect([...seen]).toEqual(expect.arrayContaining(ENDS));
  expect(await violations(house.database)).toEqual([]);
});
