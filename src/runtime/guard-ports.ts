import type { Guards } from "../kit/guards.ts";
import { breakerSettings } from "../policy/circuit-breaker.ts";
import { rateSettings } from "../policy/rate-limit.ts";
import type { SpendingRun } from "../postgres/guards/meter.ts";
import type { SharedGuards } from "../postgres/guards/shared-guards.ts";

/** The guards of one run: what all processes share, in the name of its tenant. */
export function createGuardPorts(shared: SharedGuards, run: SpendingRun): Guards {
  const { tenant_id } = run;
  const { breakers, limits, cache } = shared;
  return {
    breakers: {
      enter: async (name, terms) => await breakers.enter(tenant_id, name, breakerSettings(name, terms)),
    },
    limits: {
      async take(name, amount, terms) {
        const waitMs = await limits.take(tenant_id, name, amount, rateSettings(name, amount, terms));
        return waitMs === undefined ? { granted: true } : { granted: false, retry_after_ms: waitMs };
      },
      adjust: async (name, difference, terms) =>
        await limits.adjust(tenant_id, name, difference, rateSettings(name, 0, terms)),
    },
    cache: {
      get: async (key) => await cache.get(tenant_id, key),
      put: async (key, value, ttl_ms) => await cache.put(tenant_id, key, value, ttl_ms),
    },
    meter: shared.meter.of(run),
  };
}
