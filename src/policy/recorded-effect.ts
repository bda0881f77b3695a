import { createHash } from "node:crypto";
import type { RecordedEffect } from "../protocol/audit.ts";

/** What the record keeps of an effect: enough to know it again, nothing of what was in it. */
export function recordedEffect(row: Omit<RecordedEffect, "result_digest"> & { result: string | null }): RecordedEffect {
  const { effect_id, name, kind, status, args_digest, result } = row;
  const result_digest = status !== "receipt" || result === null ? null : receiptDigest(result);
  return { effect_id, name, kind, status, args_digest, result_digest };
}

/** Over the text as it is stored: a receipt may hold what the canonical form has no place for. */
export function receiptDigest(result: string): string {
  return `sha256:${createHash("sha256").update(result).digest("hex")}`;
}
