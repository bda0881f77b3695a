import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** `sha256:<hex>` of the canonical JSON of a value: equal values, however their keys are ordered, have equal digests. */
export function digest(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalJson(value), "utf8").digest("hex")}`;
}
