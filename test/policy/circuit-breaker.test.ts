import { expect, test } from "vitest";
import {
  BREAKER_DEFAULTS,
  type BreakerEvent,
  type BreakerState,
  breakerOpen,
  breakerSettings,
  CLOSED,
  mayCall,
  remaining,
  stepBreaker,
} from "../../src/policy/circuit-breaker.ts";
import { fc } from "../support/properties.ts";

const settings = { faults: 3, window_ms: 1_000, open_ms: 500, probe_ms: 200 };
const fault = (state: BreakerState, at: number, call = "a") =>
  stepBreaker(state, { kind: "faulted", call }, at, settings);
const opened = () => [10, 20, 30].reduce((state, at) => fault(state, at), CLOSED);

test("it opens at the fifth fault in a window unless told otherwise", () => {
  let state = CLOSED;
  for (let at = 1; at <= 5; at += 1) {
    expect(state.status).toBe("closed");
    state = stepBreaker(state, { kind: "faulted", call: "a" }, at, BREAKER_DEFAULTS);
  }
  expect(state).toEqual({ status: "open", until: 5 + BREAKER_DEFAULTS.open_ms });
});

test("faults that lie further apart than the window never open it", () => {
  let state = CLOSED;
  for (let at = 0; at < 100_000; at += 500) state = fault(state, at);
  expect(state.status).toBe("closed");
});

test("a breaker is not opened by bad input, however much of it there is", () => {
  let state = CLOSED;
  for (let at = 0; at < 100; at += 1) state = stepBreaker(state, { kind: "ignored", call: "a" }, at, settings);
  expect(state).toBe(CLOSED);
});

test("an open breaker lets one probe through when its time is over, closes at its success and forgets", () => {
  const open = opened();
  expect(mayCall(stepBreaker(open, { kind: "enter", call: "b" }, 529, settings), "b")).toBe(false);
  expect(remaining(open, 529, settings)).toBe(1);
  const probing = stepBreaker(open, { kind: "enter", call: "b" }, 530, settings);
  expect(mayCall(probing, "b")).toBe(true);
  expect(mayCall(stepBreaker(probing, { kind: "enter", call: "c" }, 531, settings), "c")).toBe(false);
  const closed = stepBreaker(probing, { kind: "succeeded", call: "b" }, 540, settings);
  expect(closed).toEqual(CLOSED);
  expect(fault(fault(closed, 541), 542).status).toBe("closed");
});

test("a probe that fails opens it again, one that says nothing leaves the probe to the next", () => {
  const probing = stepBreaker(opened(), { kind: "enter", call: "b" }, 530, settings);
  expect(fault(probing, 540, "b")).toEqual({ status: "open", until: 1_040 });
  const ignored = stepBreaker(probing, { kind: "ignored", call: "b" }, 540, settings);
  expect(mayCall(stepBreaker(ignored, { kind: "enter", call: "c" }, 540, settings), "c")).toBe(true);
});

test("a probe that never reports back expires, and what it says later counts for nothing", () => {
  const probing = stepBreaker(opened(), { kind: "enter", call: "b" }, 530, settings);
  const next = stepBreaker(probing, { kind: "enter", call: "c" }, 730, settings);
  expect(mayCall(next, "c")).toBe(true);
  expect(stepBreaker(next, { kind: "succeeded", call: "b" }, 731, settings)).toBe(next);
  expect(fault(next, 731, "b")).toBe(next);
});

test("what began before it opened neither closes it nor keeps it open", () => {
  const open = opened();
  for (const kind of ["succeeded", "ignored", "faulted"] as const) {
    expect(stepBreaker(open, { kind, call: "old" }, 600, settings)).toBe(open);
  }
});

test("it is reset whatever happens, also when the clock is set back", () => {
  const far = stepBreaker({ status: "open", until: 1e12 }, { kind: "enter", call: "b" }, 0, settings);
  // Never longer than it was meant to be.
  expect(remaining(far, 0, settings)).toBe(settings.open_ms);
  const event = fc.record({
    kind: fc.constantFrom<BreakerEvent["kind"]>("enter", "succeeded", "faulted", "ignored"),
    call: fc.constantFrom("a", "b", "c"),
    after: fc.integer({ min: 0, max: 400 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let now = 0;
      let state = CLOSED;
      for (const { after, ...step } of events) {
        now += after;
        const before = state;
        state = stepBreaker(before, step, now, settings);
        // Nothing but a fault opens it, and nobody but a probe closes it.
        if (state.status === "open" && before.status === "closed") expect(step.kind).toBe("faulted");
        if (state.status === "closed" && before.status !== "closed") {
          expect(before).toMatchObject({ status: "half_open", probe: step.call });
        }
        if (state.status === "closed") expect(state.faults.length).toBeLessThan(settings.faults);
      }
      // Left alone for long enough it lets somebody through, and one success is enough.
      now += settings.open_ms + settings.probe_ms;
      const probing = stepBreaker(state, { kind: "enter", call: "last" }, now, settings);
      expect(mayCall(probing, "last")).toBe(true);
      expect(stepBreaker(probing, { kind: "succeeded", call: "last" }, now, settings).status).toBe("closed");
    }),
  );
});

test("of any number that ask at once while it is probed, one may call", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), fc.integer({ min: 530, max: 5_000 }), (callers, at) => {
      let state = opened();
      const granted = Array.from({ length: callers }, (_, index) => {
        state = stepBreaker(state, { kind: "enter", call: `call ${index}` }, at, settings);
        return mayCall(state, `call ${index}`);
      });
      expect(granted.filter(Boolean)).toHaveLength(1);
    }),
  );
});

test("settings that make no sense are refused by name and value", () => {
  for (const faults of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9]) {
    expect(() => breakerSettings("bank", { faults })).toThrow(`the breaker "bank" has faults ${faults}`);
  }
  for (const open_ms of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => breakerSettings("bank", { open_ms })).toThrow(`open_ms ${open_ms}`);
  }
  expect(breakerSettings("bank", { faults: 2 })).toEqual({ ...BREAKER_DEFAULTS, faults: 2 });
});

test("who is refused is told for how long", () => {
  expect(breakerOpen("bank", 12.3)).toMatchObject({
    code: "breaker_open",
    facts: { name: "bank", retry_after_ms: 13 },
  });
  expect(breakerOpen("bank", 0).facts).toMatchObject({ retry_after_ms: 1 });
});
