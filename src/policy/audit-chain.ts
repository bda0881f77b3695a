import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** The part of a link that its hash covers. */
export interface AuditLink {
  tenant_id: string;
  review_id: string;
  review_seq: number;
  kind: string;
  /** ISO-8601, UTC, milliseconds. */
  at: string;
  principal_id: string;
  thread_id: string;
  run_id: string | null;
  /** JSON text. */
  body: string;
}

/** What the first link of every chain follows. */
export const CHAIN_START = "0".repeat(64);

/** sha256 over the previous hash and the canonical JSON of the link, in hex. */
export function linkHash(prev_hash: string, link: AuditLink): string {
  return createHash("sha256")
    .update(prev_hash)
    .update(canonicalJson({ ...link }))
    .digest("hex");
}

/** A stored link. */
export interface StoredLink extends AuditLink {
  prev_hash: string;
  hash: string;
}

/** The position of the first link that does not follow from the one before it; null when the chain holds. */
export function firstBrokenLink(links: readonly StoredLink[]): number | null {
  let previous = CHAIN_START;
  for (const [position, { prev_hash, hash, ...link }] of links.entries()) {
    const broken = link.review_seq !== position + 1 || prev_hash !== previous || linkHash(prev_hash, link) !== hash;
    if (broken) return position;
    previous = hash;
  }
  return null;
}
