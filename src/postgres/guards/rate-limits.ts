import { guardName } from "../../policy/guard-name.ts";
import { type RateSettings, takeRate } from "../../policy/rate-limit.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Database } from "../database.ts";
import { adjustLimit, readLimit, takeFromLimit } from "./rate-limits.sql.ts";

/** Limits of all processes. */
export interface SharedLimits {
  /** Takes an amount, all or nothing; undefined when it was given, else how long to wait. */
  take(tenant_id: string, name: string, amount: number, settings: RateSettings): Promise<number | undefined>;
  adjust(tenant_id: string, name: string, difference: number, settings: RateSettings): Promise<void>;
}

/** What limits need. */
export interface LimitParts {
  database: Pick<Database, "maybeOne" | "run">;
  metrics: Pick<Metrics, "limit_refusals">;
}

/** One statement takes and looks whether there is enough; who is refused asks with a second one for how long. */
export function createLimits({ database, metrics }: LimitParts): SharedLimits {
  return {
    async take(tenant_id, given, amount, settings) {
      const name = guardName(given);
      const taken = await database.maybeOne(takeFromLimit(tenant_id, name, amount, settings));
      if (taken !== undefined) return undefined;
      metrics.limit_refusals.inc();
      const row = await database.maybeOne(readLimit(tenant_id, name));
      const again = row && takeRate(row, amount, settings, row.now_ms);
      // There is enough by now, or it was taken back: soon is right, and at once could be for ever.
      return again === undefined || again.granted ? 1 : again.retry_after_ms;
    },
    async adjust(tenant_id, name, difference, settings) {
      if (Number.isNaN(difference)) return;
      await database.run(adjustLimit(tenant_id, guardName(name), difference, settings));
    },
  };
}
