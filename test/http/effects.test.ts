import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command, type Ended, type InProcess } from "../cli/holdpoint.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  resetKnobs();
  server = await openServer();
});
afterAll(async () => await server.close());

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
type Body = any;

async function ask(path: string, how: Parameters<TestServer["ask"]>[1] = {}) {
  const response = await server.ask(path, how);
  return {
    status: response.status,
    code: response.headers.get("x-holdpoint-error"),
    body: (await response.json()) as Body,
  };
}

const cli = (args: string[], how: Partial<InProcess> = {}): Promise<Ended> =>
  command(["effects", ...args], { ...how, env: { HOLDPOINT_SERVER_URL: server.listening.url, ...how.env } });

const effectsOf = async (thread_id: string): Promise<Body[]> =>
  (await ask(`/effects?thread_id=${thread_id}`)).body.effects;

/** A run whose effect is held for a day. */
async function held(): Promise<{ thread_id: string; run_id: string; effect: Body }> {
  const { thread_id } = await server.client.threads.create();
  const { run_id } = await server.client.runs.create(thread_id, "ledger-refused", { input: { hold_back: "24h" } });
  const [effect] = await until("it is held", async () => {
    const effects = await effectsOf(thread_id);
    return effects.length === 1 && effects;
  });
  return { thread_id, run_id, effect };
}

/** A run whose effect has happened. */
async function done(): Promise<Body> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "ledger-refused", { input: {} });
  return (await effectsOf(thread_id))[0];
}

const recall = (effect_id: string, how: Parameters<TestServer["ask"]>[1] = {}) =>
  ask(`/effects/${effect_id}/recall`, { method: "POST", body: { reason: "wrong invoice" }, ...how });

describe("an effect that is held", () => {
  it("is shown with the time it waits for, and recalled: its run is told and nothing happens", async () => {
    const { thread_id, run_id, effect } = await held();
    expect(effect).toMatchObject({ status: "held", attempt: 0, started_at: null, graph_id: "ledger-refused", run_id });
    expect(Date.parse(effect.held_until) - Date.parse(effect.intent_at)).toBe(86_400_000);
    const key = await server.key("bo", ["review:decide"]);
    expect(await recall(effect.effect_id, { headers: { "x-api-key": key } })).toMatchObject({
      status: 200,
      body: { status: "recalled", settled_by: "bo", settled_because: "wrong invoice" },
    });
    await server.client.runs.join(thread_id, run_id);
    const { values } = await server.client.threads.getState(thread_id);
    expect(values).toMatchObject({
      log: ['effect_recalled: effect "act" was recalled before it started: wrong invoice'],
    });
    expect(knobs.visits.filter((place) => place === `acted:${effect.effect_id}`)).toEqual([]);
    expect(await recall(effect.effect_id)).toMatchObject({
      status: 409,
      code: "effect_settled",
      body: { error: { facts: { status: "recalled" } } },
    });
    const { rows } = await server.house.database.pool.query(
      "select principal_id, body from holdpoint.audit where thread_id = $1 and kind = 'effect.recalled'",
      [thread_id],
    );
    expect(rows.map(({ principal_id, body }) => [principal_id, JSON.parse(body)])).toEqual([
      ["bo", { effect_id: effect.effect_id, name: "act", reason: "wrong invoice" }],
    ]);
  });

  it("is listed and recalled on the command line", async () => {
    const { thread_id, run_id, effect } = await held();
    const table = await cli(["--status", "held", "-t", thread_id], { isScreen: true, columns: 140 });
    const [heading, row] = table.stdout.split("\n");
    expect(heading).toMatch(/^ID +STATUS +NAME +KIND +ATTEMPTS +WAITS FOR +AGE +RUN +GRAPH$/);
    expect(row).toMatch(
      new RegExp(`^${effect.effect_id.slice(0, 7)} +held +act +once +0 +.* ${run_id.slice(0, 7)} +ledger-refused`),
    );
    const piped = await cli(["-r", run_id]);
    expect(piped.stdout).toBe(
      `${[effect.effect_id, "held", "act", "once", "0", effect.held_until, effect.intent_at, run_id, "ledger-refused"].join("\t")}\n`,
    );
    expect(JSON.parse((await cli(["list", "-r", run_id, "--json", "effect_id,status"])).stdout)).toEqual([
      { effect_id: effect.effect_id, status: "held" },
    ]);
    const id = effect.effect_id.slice(0, 12);
    const shown = await cli(["show", id]);
    expect(shown.stdout).toMatch(new RegExp(`^effect ${effect.effect_id} {2}held {2}act\n`));
    expect(shown.stdout).toMatch(/held until +[\d-]+ \d\d:\d\d:\d\d \(in (1d|23h)/);
    expect(shown.stdout).toContain(`effects recall ${effect.effect_id.slice(0, 7)} -m "…"`);
    expect(shown.stdout).toMatch(/\[redacted\]/);
    const why = "not \u001b[31mthis one";
    expect(await cli(["recall", id, "-m", why, "--yes"])).toMatchObject({
      code: 0,
      stdout: `recalled: effect ${effect.effect_id.slice(0, 7)} "act"\n`,
    });
    const after = await cli(["show", effect.effect_id]);
    expect(after.stdout).toMatch(/recalled {2}act[\s\S]*because +not .*this one/);
    expect(after.stdout).not.toContain("\u001b");
    expect(after.stdout).not.toMatch(/held until|effects recall/);
    expect(await cli(["recall", id, "-m", "again"])).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringMatching(/was recalled before/),
    });
    await server.client.runs.join(thread_id, run_id);
  });

  it("is recalled by who may decide, and never by an agent", async () => {
    const { thread_id, run_id, effect } = await held();
    const reader = { "x-api-key": await server.key("reader", ["runs:read", "runs:create", "runs:cancel"]) };
    const agent = { "x-api-key": await server.key("robot", ["runs:read", "runs:create", "runs:cancel"], "agent") };
    await expect(server.key("robot-2", ["review:decide"], "agent")).rejects.toThrow();
    for (const headers of [reader, agent]) {
      expect((await ask(`/effects/${effect.effect_id}`, { headers })).status).toBe(200);
      expect(await recall(effect.effect_id, { headers })).toMatchObject({ status: 403, code: "permission_denied" });
    }
    const denied = await cli(["recall", effect.effect_id, "-m", "no"], {
      env: { HOLDPOINT_API_KEY: reader["x-api-key"] },
    });
    expect(denied).toMatchObject({ code: 4, stdout: "" });
    const decider = { "x-api-key": await server.key("decider", ["review:decide"]) };
    for (const path of ["/effects", `/effects/${effect.effect_id}`])
      expect((await ask(path, { headers: decider })).status).toBe(403);
    expect((await ask("/effects", { headers: { "x-api-key": "hp_nobody" } })).status).toBe(401);
    expect((await recall(effect.effect_id, { headers: decider })).status).toBe(200);
    await server.client.runs.join(thread_id, run_id);
  });
});

describe("effects", () => {
  it("are listed newest first, filtered, and in pages that miss nothing and show nothing twice", async () => {
    const made = [await done(), await done(), await done()];
    const ids = made.map(({ effect_id }) => effect_id).toReversed();
    const [third] = made.toReversed();
    const listed: string[] = [];
    let after = "";
    for (let pages = 0; pages < 50; pages += 1) {
      const { body } = await ask(`/effects?limit=2${after}`);
      listed.push(...body.effects.map(({ effect_id }: Body) => effect_id));
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(listed.slice(0, 3)).toEqual(ids);
    expect(new Set(listed).size).toBe(listed.length);
    expect((await ask(`/effects?thread_id=${third.thread_id}&name=act&status=receipt`)).body).toMatchObject({
      effects: [{ effect_id: third.effect_id, status: "receipt", attempt: 1, error: null }],
      next: null,
    });
    expect((await ask("/effects?name=none")).body).toEqual({ effects: [], next: null });
    expect((await ask(`/effects?thread_id=${third.thread_id}&status=held`)).body.effects).toEqual([]);
    expect((await ask(`/effects?run_id=${third.run_id}`)).body.effects).toHaveLength(1);
    expect((await ask(`/effects?run_id=${third.run_id}&thread_id=${crypto.randomUUID()}`)).body.effects).toEqual([]);
    expect((await ask(`/effects?id_prefix=${third.effect_id.slice(0, 8)}`)).body.effects).toMatchObject([
      { effect_id: third.effect_id },
    ]);
    expect((await ask(`/effects/${third.effect_id.toUpperCase()}`)).body).toMatchObject({
      args: { amount: 1, card: { number: "[redacted]" } },
      result: { effect_id: third.effect_id },
    });
    expect(await recall(third.effect_id)).toMatchObject({
      status: 409,
      body: { error: { facts: { status: "receipt" } } },
    });
  });

  it("in doubt name the review that asks about them", async () => {
    knobs.onVisit = async (place) => {
      if (!place.startsWith("acted:")) return;
      await server.house.pass(60);
      throw new Error("socket hang up");
    };
    const { thread_id } = await server.client.threads.create();
    await server.client.runs.wait(thread_id, "ledger-refused", { input: {} });
    resetKnobs();
    const [effect] = await effectsOf(thread_id);
    const [review] = (await ask(`/reviews?thread_id=${thread_id}`)).body;
    expect(effect).toMatchObject({ status: "intent", error: "socket hang up", review_id: review.id });
    expect((await cli(["show", effect.effect_id])).stdout).toContain(`in doubt: review ${review.id.slice(0, 7)} asks`);
    const env = { HOLDPOINT_SERVER_URL: server.listening.url };
    const shown = (await command(["review", "show", review.id], { env })).stdout;
    for (const words of ['Did "act" happen?', "If answered: ", '{"try_again": true}', effect.effect_id])
      expect(shown).toContain(words);
    // Another attempt takes more than a yes.
    expect((await command(["review", "approve", review.id, "--yes"], { env })).code).not.toBe(0);
    const again = ["review", "respond", review.id, "--value", '{"try_again": true}', "--yes"];
    expect(await command(again, { env })).toMatchObject({ code: 0 });
    await until("it has happened", async () => (await effectsOf(thread_id))[0].status === "receipt");
  });

  it("are not found by what is none, and are asked for in the right way only", async () => {
    const missing = crypto.randomUUID();
    const body = { reason: "r" };
    for (const [path, how, status, code] of [
      [`/effects/${missing}`, {}, 404, "not_found"],
      [`/effects/${missing}/recall`, { method: "POST", body }, 404, "not_found"],
      [`/effects/${missing}/recall`, { method: "POST", body: {} }, 422, "invalid"],
      [`/effects/${missing}/recall`, { method: "POST", body: { reason: " " } }, 422, "invalid"],
      [`/effects/${missing}/recall`, { method: "POST", body: { reason: "x".repeat(501) } }, 422, "invalid"],
      [`/effects/${missing}/recall`, { method: "POST", body: { reason: "\0" } }, 422, "invalid"],
      [`/effects/${missing}/recall`, { method: "POST", body: [] }, 422, "invalid"],
      ["/effects/x/recall", { method: "POST", body }, 422, "invalid"],
      ["/effects/x", {}, 422, "invalid"],
      ["/effects?status=open", {}, 422, "invalid"],
      ["/effects?status=held&status=held", {}, 422, "invalid"],
      ["/effects?run_id=1", {}, 422, "invalid"],
      ["/effects?after=1", {}, 422, "invalid"],
      ["/effects?id_prefix=zz", {}, 422, "invalid"],
      ["/effects?limit=0", {}, 422, "invalid"],
      ["/effects?limit=1001", {}, 422, "invalid"],
      ["/effects?name=%00", {}, 422, "invalid"],
      [`/effects/${missing}`, { method: "DELETE" }, 405, "method_not_allowed"],
    ] as const) {
      expect([path, how, await ask(path, how)]).toEqual([path, how, expect.objectContaining({ status, code })]);
    }
    expect((await ask(`/effects?after=${missing}`)).body).toEqual({ effects: [], next: null });
    for (const [args, code] of [
      [["show", missing], 1],
      [["recall", missing, "-m", "x"], 1],
      [["recall", missing], 2],
      [["recall", missing, "-m", ""], 5],
      [["show", "0000"], 1],
      [["show", "x y"], 2],
      [["show"], 2],
      [["list", "--status", "lost"], 2],
      [["list", "--limit", "0"], 2],
      [["list", "--json", "nothing"], 2],
      [["list", "--run", "abc"], 5],
    ] as const) {
      const ended = await cli([...args]);
      expect([args, ended.code, ended.stdout]).toEqual([args, code, ""]);
      expect(ended.stderr).toMatch(/^(holdpoint: |error: )/);
    }
  });
});
