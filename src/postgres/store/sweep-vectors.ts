import { randomUUID } from "node:crypto";
import { type Backoff, nextWaitMs } from "../../policy/backoff.ts";
import type { Database } from "../database.ts";
import { embedEach } from "./embed-each.ts";
import { type Embedder, EmbeddingFailed } from "./embedder.ts";
import { textsToEmbed } from "./item-texts.ts";
import { type ClaimedItem, claimItems, deleteVectors, insertVectors, noteFailure, noteVectors } from "./vectors.sql.ts";

const ITEMS = 50;
/** Longer than the vectors of so many items take; whoever dies meanwhile leaves them to the next one. */
const CLAIM_SECONDS = 300;
const BACKOFF: Backoff = { firstMs: 10_000, factor: 3, longestMs: 3_600_000, jitter: 0.25 };

/**
 * Makes the vectors that items should have and have not: of those that were written while the model did not answer, or
 * before there was one, or under another. A bounded number at a time; gives how many items have theirs now.
 */
export async function sweepVectors(database: Database, embedder: Embedder | undefined): Promise<number> {
  if (embedder === undefined) return 0;
  const claim = randomUUID();
  const items = await database.many(claimItems(embedder.model, claim, { limit: ITEMS, seconds: CLAIM_SECONDS }));
  if (items.length === 0) return 0;
  const turn = { database, embedder, claim };
  try {
    return await embedItems(turn, items);
  } catch (error) {
    if (!(error instanceof EmbeddingFailed)) throw error;
    if (!error.isTextRefused || items.length === 1) return await postpone(turn, items);
  }
  // One text that the model does not take must not keep the others from it.
  let done = 0;
  for (const item of items) {
    done += await embedItems(turn, [item]).catch(async (error: unknown) => {
      if (!(error instanceof EmbeddingFailed)) throw error;
      return await postpone(turn, [item]);
    });
  }
  return done;
}

interface Turn {
  database: Database;
  embedder: Embedder;
  claim: string;
}

/** Locks: each item alone. */
async function embedItems({ database, embedder, claim }: Turn, items: readonly ClaimedItem[]): Promise<number> {
  const { model, fields } = embedder;
  const texts = items.map(({ value, index_fields }) => textsToEmbed(JSON.parse(value), index_fields ?? fields));
  const made = await embedEach(embedder, texts);
  let done = 0;
  for (const [index, item] of items.entries()) {
    const { tenant_id } = item;
    const vectors = made[index] ?? [];
    done += await database.transaction(async (tx) => {
      // Written again meanwhile: whoever did that has seen to its vectors.
      if ((await tx.many(noteVectors(tenant_id, item, model, claim))).length === 0) return 0;
      const gone = deleteVectors(tenant_id, item);
      await tx.finish(vectors.length === 0 ? [gone] : [gone, insertVectors(tenant_id, item, model, vectors)]);
      return 1;
    });
  }
  return done;
}

async function postpone({ database, claim }: Turn, items: readonly ClaimedItem[]): Promise<number> {
  for (const item of items) {
    const waitMs = nextWaitMs(item.vectors_failures + 1, Number.POSITIVE_INFINITY, Math.random(), BACKOFF);
    await database.run(noteFailure(item.tenant_id, item, claim, (waitMs ?? BACKOFF.longestMs) / 1000));
  }
  return 0;
}
