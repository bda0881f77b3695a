import { expect, test } from "vitest";
import {
  adjustRate,
  FULLEST,
  type RateSettings,
  type RateState,
  rateSettings,
  takeRate,
  UNTOUCHED,
} from "../../src/policy/rate-limit.ts";
import { fc } from "../support/properties.ts";

const settings: RateSettings = { limit: 10, per_ms: 1_000 };

/** Takes again and again at the given moments; gives which were granted. */
function takes(moments: readonly { at: number; amount: number }[], terms: RateSettings) {
  let state: RateState = UNTOUCHED;
  return moments.map(({ at, amount }) => {
    const taken = takeRate(state, amount, terms, at);
    if (taken.granted) state = taken.state;
    return { at, amount, taken };
  });
}

const someTerms = fc.record({
  limit: fc.integer({ min: 1, max: 5_000 }),
  per_ms: fc.integer({ min: 1, max: 600_000 }),
});

test("a limiter does not deadlock at the first refusal: the wait it tells is enough, and not a moment too long", () => {
  fc.assert(
    fc.property(
      someTerms,
      fc.array(fc.record({ after: fc.nat(2_000), part: fc.double({ min: 0, max: 1, noNaN: true }) }), {
        maxLength: 30,
      }),
      (terms, wishes) => {
        let state: RateState = UNTOUCHED;
        let now = 1_700_000_000_000;
        for (const { after, part } of wishes) {
          now += after;
          const amount = Math.max(1, Math.floor(part * terms.limit));
          const taken = takeRate(state, amount, terms, now);
          if (taken.granted) {
            state = taken.state;
            continue;
          }
          const { retry_after_ms } = taken;
          expect(retry_after_ms).toBeGreaterThan(0);
          if (retry_after_ms > 1) expect(takeRate(state, amount, terms, now + retry_after_ms - 1).granted).toBe(false);
          now += retry_after_ms;
          const again = takeRate(state, amount, terms, now);
          expect(again.granted).toBe(true);
          if (again.granted) state = again.state;
        }
      },
    ),
  );
});

test("nothing slips through when many calls share an instant: the limit exactly, and then nothing", () => {
  fc.assert(
    fc.property(someTerms, fc.integer({ min: 0, max: 2_000_000_000_000 }), (terms, at) => {
      const asked = Array.from({ length: terms.limit + 3 }, () => ({ at, amount: 1 }));
      const granted = takes(asked, terms).map(({ taken }) => taken.granted);
      expect(granted.filter(Boolean)).toHaveLength(terms.limit);
      expect(granted.slice(0, terms.limit)).not.toContain(false);
    }),
    { numRuns: 20 },
  );
});

test("bursts are bounded: over any time no more than the limit and what runs out meanwhile", () => {
  const moment = fc.record({ after: fc.nat(400), amount: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 60 }), (wishes) => {
      let at = 0;
      const asked = wishes.map(({ after, amount }) => {
        at += after;
        return { at, amount };
      });
      const granted = takes(asked, settings).filter(({ taken }) => taken.granted);
      for (const [from, first] of granted.entries()) {
        let sum = 0;
        for (const later of granted.slice(from)) {
          sum += later.amount;
          const most = settings.limit * (1 + (later.at - first.at) / settings.per_ms);
          expect(sum).toBeLessThanOrEqual(most * (1 + 1e-6));
        }
      }
    }),
  );
});

test("who waits as long as it is told gets the whole rate in the long run", () => {
  let state: RateState = UNTOUCHED;
  let now = 0;
  for (let taken = 0; taken < 110; ) {
    const answer = takeRate(state, 1, settings, now);
    if (answer.granted) {
      state = answer.state;
      taken += 1;
    } else now += answer.retry_after_ms;
  }
  // Ten at once, and a hundred more at ten a second.
  expect(now).toBeGreaterThanOrEqual(10_000);
  expect(now).toBeLessThanOrEqual(10_100);
});

test("what was taken too much can be given back, and what was taken too little is taken later", () => {
  const full = takeRate(UNTOUCHED, 10, settings, 0);
  if (!full.granted) throw new Error("an untouched limit refused");
  expect(takeRate(full.state, 4, settings, 0)).toMatchObject({ granted: false, retry_after_ms: 400 });
  expect(takeRate(adjustRate(full.state, -4, settings, 0), 4, settings, 0).granted).toBe(true);
  expect(takeRate(adjustRate(full.state, 5, settings, 0), 1, settings, 0)).toMatchObject({ retry_after_ms: 600 });
  expect(adjustRate(full.state, -1e9, settings, 0).level).toBe(0);
});

test("a nonsense correction stops nobody for longer than two windows", () => {
  for (const nonsense of [1e15, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
    const state = adjustRate(UNTOUCHED, nonsense, settings, 0);
    expect(state.level).toBe(settings.limit * FULLEST);
    expect(takeRate(state, 10, settings, 2_000).granted).toBe(true);
  }
});

test("a clock that is set back stops nobody for good, and two that disagree a little give nothing away", () => {
  const full = takeRate(UNTOUCHED, 10, settings, 1e12);
  if (!full.granted) throw new Error("an untouched limit refused");
  const after = takeRate(full.state, 1, settings, 1_000);
  expect(after).toMatchObject({ granted: false, retry_after_ms: 100 });
  let state = full.state;
  for (let turn = 0; turn < 200; turn += 1) {
    const taken = takeRate(state, 1, settings, 1e12 + (turn % 2));
    if (taken.granted) state = taken.state;
    expect(taken.granted).toBe(false);
  }
});

test("what can never be granted is refused with the reason instead of waiting for ever", () => {
  expect(() => rateSettings("model:gpt", 11, settings)).toThrow(
    'the limit "model:gpt" is 10 in 1000 ms and was asked for 11 at once, which it never gives: ask for less',
  );
  for (const limit of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => rateSettings("m", 0, { limit })).toThrow(`is ${limit}; give a number above 0`);
  }
  for (const amount of [-1, Number.NaN])
    expect(() => rateSettings("m", amount, { limit: 1 })).toThrow("ask for 0 or more");
  for (const per_ms of [0, -1, Number.NaN, 1e15]) {
    expect(() => rateSettings("m", 1, { limit: 1, per_ms })).toThrow(`per_ms ${per_ms}`);
  }
  expect(rateSettings("m", 1, { limit: 3 })).toEqual({ limit: 3, per_ms: 60_000 });
});
