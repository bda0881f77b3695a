import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { type AuditedReview, auditedReviewSchema } from "../protocol/audit.ts";
import type { Api } from "./api.ts";
import { CommandError, usageError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { sanitiseLine } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";

const PAGE = 20;
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

/** Which reviews. */
export interface AuditFilter {
  since?: string | undefined;
  review_id?: string | undefined;
}

/** The records of reviews in the order of their ids, a page at a time. */
export async function* auditedReviews(api: Api, filter: AuditFilter): AsyncGenerator<AuditedReview> {
  let after = FIRST_ID;
  // Bound: every page begins behind the last id of the one before.
  while (true) {
    const query = { ...filter, after, limit: PAGE };
    const { body } = await api.request("GET", "/audit/reviews", z.array(auditedReviewSchema), { query });
    yield* body;
    const last = body.at(-1)?.review_id;
    if (last === undefined || body.length < PAGE || last <= after) return;
    after = last;
  }
}

/** How a file of records begins, and how it ends: without its last line it has been cut off. */
export const exportHead = z.object({
  holdpoint_audit: z.literal(1),
  exported_at: z.string(),
  since: z.string().nullable(),
});
/** The last line of a file of records. */
export const exportEnd = z.object({
  end: z.literal(true),
  reviews: z.number(),
  entries: z.number(),
  heads: z.string(),
});

/** What a file of records says of itself in the end. */
export type ExportEnd = z.infer<typeof exportEnd>;

/** Reads a file of records; gives its last line once all of it has been read. Throws for what is no such file. */
export async function* reviewsInFile(path: string, terminal: Terminal): AsyncGenerator<AuditedReview, ExportEnd> {
  const shown = sanitiseLine(path);
  const stream = createReadStream(resolve(terminal.cwd, path), "utf8");
  const damaged = (line: number, why: string) => new CommandError(EXIT.failed, `${shown}, line ${line}: ${why}`);
  let number = 0;
  let end: ExportEnd | undefined;
  try {
    for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (end !== undefined) throw damaged(number, "there is more behind the end");
      const value = lineIn(text);
      if (number === 1) {
        if (!exportHead.safeParse(value).success) throw damaged(1, "this is not what holdpoint audit export writes");
        continue;
      }
      const last = exportEnd.safeParse(value);
      if (last.success) {
        end = last.data;
        continue;
      }
      const review = auditedReviewSchema.safeParse(value);
      if (!review.success) throw damaged(number, "this is no record of a review");
      yield review.data;
    }
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && typeof cause.code === "string" && !(cause instanceof CommandError))
      throw usageError(`cannot read ${shown}: ${sanitiseLine(cause.message)}`, cause);
    throw cause;
  } finally {
    stream.destroy();
  }
  if (end === undefined) throw damaged(number, "the file ends here and should not: it has been cut off");
  return end;
}

function lineIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
