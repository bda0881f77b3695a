import { randomUUID } from "node:crypto";
import {
  type BreakerEvent,
  type BreakerSettings,
  breakerOpen,
  mayCall,
  remaining,
  stepBreaker,
} from "../../policy/circuit-breaker.ts";
import { type BreakerParts, createBreakerCopies } from "./breaker-copies.ts";

/** Breakers of all processes. */
export interface SharedBreakers {
  /** Gives leave for a call, with how to tell how it went. Throws `breaker_open`. */
  enter(tenant_id: string, name: string, settings: BreakerSettings): Promise<Record<Outcome, () => Promise<void>>>;
}

type Outcome = Exclude<BreakerEvent["kind"], "enter">;

/**
 * The breakers of this process's calls. A closed one costs a look every half second and nothing for a call that went
 * well: faults, and the word of a probe, are written, by whoever has read the version that they change.
 */
export function createBreakers(parts: BreakerParts): SharedBreakers {
  const copies = createBreakerCopies(parts);
  return {
    async enter(tenant_id, name, settings) {
      const copy = await copies.fresh(tenant_id, name);
      const call = randomUUID();
      const event = { kind: "enter", call } as const;
      const before = copy.state;
      let after = stepBreaker(before, event, copy.nowMs(), settings);
      if (after !== before) after = await copies.tell(copy, event, settings);
      if (!mayCall(after, call)) throw breakerOpen(name, remaining(after, copy.nowMs(), settings));
      const isProbe = after.status === "half_open";
      const report = (kind: Outcome) => async () => {
        // Of a call that is no probe a success says nothing new.
        if (!isProbe && kind !== "faulted") return;
        try {
          await copies.tell(copy, { kind, call }, settings);
        } catch (error) {
          // The call has its answer. A probe of which nobody hears is given up in time.
          parts.log.warn({ err: error, breaker: copy.name }, "a breaker was not told how a call went");
        }
      };
      return { succeeded: report("succeeded"), faulted: report("faulted"), ignored: report("ignored") };
    },
  };
}
