import type { Database } from "../database.ts";
import type { Embedder } from "./embedder.ts";
import { hasVectorIndex, tryVectorExtension, vectorIndexStatements } from "./vectors.sql.ts";

/** How questions are compared with vectors: by an index of pgvector, or with all of them, and why then. */
export type VectorRoad = { readonly road: "hnsw" } | { readonly road: "exact"; readonly why: string };

/** Sees to it that a model's vectors have an index, where that can be. May take minutes; nobody has to wait for it. */
export async function prepareVectorIndex(
  database: Database,
  { model, dims }: Pick<Embedder, "model" | "dims">,
): Promise<VectorRoad> {
  const { why_not } = await database.one(tryVectorExtension());
  if (why_not !== null) return { road: "exact", why: `no pgvector: ${why_not}` };
  try {
    for (const { text } of await database.many(vectorIndexStatements(model, dims))) await database.pool.query(text);
  } catch (error) {
    return { road: "exact", why: `its index cannot be made: ${(error as Error).message}` };
  }
  if ((await database.one(hasVectorIndex(model))).has_index) return { road: "hnsw" };
  return { road: "exact", why: `pgvector here has no index for ${dims} numbers, or another process is making it` };
}
