import { answerText, answerTtlMs, LONGEST_KEY, type RecentAnswers } from "../../policy/recent-answers.ts";
import type { Json } from "../../protocol/json.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Database } from "../database.ts";
import { keepAnswer, selectAnswer } from "./cached-answers.sql.ts";

/** Answers that all processes keep. Nothing here ever fails whoever asks. */
export interface CachedAnswers {
  get(tenant_id: string, key: string): Promise<Json | undefined>;
  put(tenant_id: string, key: string, value: Json, ttl_ms: number): Promise<void>;
}

/** What they need. */
export interface CacheParts {
  database: Pick<Database, "maybeOne" | "run">;
  log: Log;
  metrics: Pick<Metrics, "cache_requests">;
  /** What this process has seen last. */
  recent: RecentAnswers;
  /** A clock of this process that never goes back, in milliseconds; the machine's unless given. */
  now?: () => number;
}

/** The answers this process has seen last, in front of those in Postgres. */
export function createCachedAnswers({
  database,
  log,
  metrics,
  recent,
  now = () => performance.now(),
}: CacheParts): CachedAnswers {
  const count = (result: string) => metrics.cache_requests.inc({ result });
  /** A cache that does not work is slow and not wrong; nobody would notice if it were not told. */
  const failed = (error: unknown, what: string) => {
    count("failed");
    log.warn({ err: error }, `the cache of answers ${what}`);
  };
  return {
    async get(tenant_id, key) {
      const known = recent.get(tenant_id, key, now());
      if (known !== undefined) {
        count("memory");
        return JSON.parse(known);
      }
      try {
        const row = await database.maybeOne(selectAnswer(tenant_id, key));
        const value = row && JSON.parse(row.value);
        count(row === undefined ? "miss" : "database");
        if (row !== undefined) recent.put(tenant_id, key, row.value, now() + row.left_ms);
        return value;
      } catch (error) {
        failed(error, "was not read");
        return undefined;
      }
    },
    async put(tenant_id, key, value, ttl_ms) {
      const ttlMs = answerTtlMs(ttl_ms);
      const text = answerText(value);
      if (ttlMs === 0 || key.length > LONGEST_KEY || text === undefined) {
        count("refused");
        return;
      }
      try {
        await database.run(keepAnswer(tenant_id, key, text, ttlMs));
        recent.put(tenant_id, key, text, now() + ttlMs);
        count("stored");
      } catch (error) {
        failed(error, "did not store one");
      }
    },
  };
}
