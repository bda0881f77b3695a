import type { Database } from "./database.ts";
import { currentSnapshot, type ReviewChange, reviewChanges } from "./review-changes.sql.ts";

// More than a person can follow: whoever missed so many reads the list.
const MAX_CHANGES = 1_000;
const LAST_TRANSACTION = 2n ** 63n;
// As many transactions as Postgres has connections can be under way.
const MAX_SNAPSHOT = 20_000;

/** What has changed since a snapshot; `changes` is undefined where that is too much, or not known any more. */
export interface ReviewChanges {
  snapshot: string;
  changes: ReviewChange[] | undefined;
}

/** Where somebody stands who knows everything until now. */
export async function readSnapshot(database: Database): Promise<string> {
  return (await database.one(currentSnapshot())).snapshot;
}

/** Which reviews have changed since a snapshot, each as it is now. A text that is no snapshot of this database is one of which nothing is known. */
export async function readReviewChanges(
  database: Database,
  tenant_id: string,
  since: string | undefined,
): Promise<ReviewChanges> {
  const next = since === undefined ? undefined : nextOf(since);
  if (since === undefined || next === undefined) {
    return { snapshot: await readSnapshot(database), changes: undefined };
  }
  const { snapshot, changes } = await database.one(reviewChanges(tenant_id, since, MAX_CHANGES + 1));
  // It was taken of a database that is further than this one.
  const isForeign = next > (nextOf(snapshot) as bigint);
  return { snapshot, changes: isForeign || changes.length > MAX_CHANGES ? undefined : changes };
}

/**
 * The first transaction that had not begun when a snapshot was taken; undefined where Postgres would not read it as one:
 * the oldest under way, the next to begin, and between them in order those under way.
 */
function nextOf(snapshot: string): bigint | undefined {
  if (snapshot.length > MAX_SNAPSHOT) return undefined;
  const parts = /^(\d{1,19}):(\d{1,19}):((?:\d{1,19}(?:,\d{1,19})*)?)$/.exec(snapshot);
  if (parts === null) return undefined;
  const [oldest, next] = [BigInt(parts[1] as string), BigInt(parts[2] as string)];
  const open = parts[3] === "" ? [] : (parts[3] as string).split(",").map(BigInt);
  if (oldest < 1n || next < oldest || next >= LAST_TRANSACTION) return undefined;
  const inOrder = open.every(
    (one, place) => one >= oldest && one < next && (place === 0 || one > (open[place - 1] as bigint)),
  );
  return inOrder ? next : undefined;
}
