import { type CheckpointTuple, maxChannelVersion, TASKS } from "@langchain/langgraph-checkpoint";
import type { Queryable } from "../database.ts";
import type { Address } from "./address.ts";
import { assembleChain, type Chunk, type LoadedChannel, loadedValue, type Ref } from "./chains.ts";
import { setOwn } from "./encode.ts";
import type { Head, HeadCache } from "./head-cache.ts";
import { latestTuple, type TupleRow, tupleById, writesOf } from "./read.sql.ts";
import { buildTuple, type CheckpointBody, decodeWrites, inlineValues, parseBody, storedRefs } from "./tuple.ts";

/** A checkpoint as it was read: its text as the head of later puts, and what a tuple is made of. */
interface Loaded {
  readonly row: TupleRow;
  readonly rows: readonly TupleRow[];
  readonly body: CheckpointBody;
  readonly channels: ReadonlyMap<string, LoadedChannel>;
  readonly head: Head;
}

type Reader = Pick<Queryable, "many">;

/** Reads a checkpoint, the newest of the namespace where `checkpoint_id` is null. */
export async function readTuple(
  database: Reader,
  cache: HeadCache,
  address: Address,
  checkpoint_id: string | null,
): Promise<CheckpointTuple | undefined> {
  const loaded = await load(database, cache, address, checkpoint_id);
  if (loaded === undefined) return undefined;
  if (checkpoint_id === null) cache.set(address, loaded.head);
  const { row, body } = loaded;
  const values = inlineValues(body);
  for (const [channel, read] of loaded.channels) setOwn(values, channel, loadedValue(read));
  if (body.v < 4 && row.link !== null) {
    await moveSendsToChannel(database, address, row.link, body, values);
  }
  const writes = loaded.rows
    .filter(({ part }) => part === "write")
    .map(({ id, link, body }) => ({ task_id: id, task_path: link ?? "", body }));
  return buildTuple({
    address,
    checkpoint_id: row.id,
    parent_checkpoint_id: row.link,
    metadata: row.metadata ?? "{}",
    body,
    values,
    writes,
  });
}

/** The head of a checkpoint that a put continues; undefined when the checkpoint is not there. */
export async function readHead(
  database: Reader,
  cache: HeadCache,
  address: Address,
  checkpoint_id: string,
): Promise<Head | undefined> {
  const known = cache.get(address);
  if (known?.checkpoint_id === checkpoint_id) return known;
  return (await load(database, cache, address, checkpoint_id))?.head;
}

/** Before version 4, the sends of a checkpoint were kept as writes of its parent. */
export async function moveSendsToChannel(
  database: Reader,
  address: Address,
  parent_checkpoint_id: string,
  { channel_versions }: CheckpointBody,
  values: Record<string, unknown>,
): Promise<void> {
  const writes = decodeWrites(await database.many(writesOf(address, parent_checkpoint_id)));
  values[TASKS] = writes.filter(([, channel]) => channel === TASKS).map(([, , value]) => value);
  const versions = Object.values(channel_versions);
  channel_versions[TASKS] = versions.length === 0 ? 1 : maxChannelVersion(...versions);
}

async function load(
  database: Reader,
  cache: HeadCache,
  address: Address,
  checkpoint_id: string | null,
): Promise<Loaded | undefined> {
  const known = cache.get(address);
  const usable = checkpoint_id === null || known?.checkpoint_id === checkpoint_id ? known : undefined;
  const read = async (from: Head | undefined) => {
    const chains = knownChains(from);
    const rows = await database.many(
      checkpoint_id === null
        ? latestTuple(address, JSON.stringify(seqsOf(chains)))
        : tupleById(address, checkpoint_id, JSON.stringify(seqsOf(chains))),
    );
    return rows.length === 0 ? "absent" : assemble(rows, chains);
  };
  // What is in memory can be ahead of a fork that another process made meanwhile; then all of it is read.
  const loaded = (await read(usable)) ?? (await read(undefined));
  if (loaded === "absent") return undefined;
  if (loaded !== undefined) return loaded;
  throw new Error(
    `checkpoint ${checkpoint_id ?? "(newest)"} of thread ${address.thread_id} refers to rows that are missing`,
  );
}

/** Undefined when the chunks do not fit what is known of their chains. */
function assemble(rows: readonly TupleRow[], known: ReadonlyMap<string, Ref>): Loaded | undefined {
  const row = rows.find(({ part }) => part === "checkpoint");
  if (row === undefined) return undefined;
  const body = parseBody(row.body);
  const chunks = chunksByChain(rows);
  const channels = new Map<string, LoadedChannel>();
  for (const { channel, chain, seq } of storedRefs(body.refs, row.chains, row.seqs)) {
    const loaded = assembleChain(chain, seq, chunks.get(chain) ?? [], known.get(chain));
    if (loaded === undefined) return undefined;
    channels.set(channel, loaded);
  }
  const refs = new Map([...channels].map(([channel, { ref }]) => [channel, ref]));
  // Before anything is revived: JSON.parse and JSON.stringify give the stored text back.
  const inline = new Map(Object.entries(body.vals).map(([channel, value]) => [channel, JSON.stringify(value)]));
  return {
    row,
    rows,
    body,
    channels,
    head: { checkpoint_id: row.id, versions: { ...body.channel_versions }, refs, inline },
  };
}

function chunksByChain(rows: readonly TupleRow[]): Map<string, Chunk[]> {
  const chains = new Map<string, Chunk[]>();
  for (const { part, id, seq, keep, body } of rows) {
    if (part !== "chunk") continue;
    const chunks = chains.get(id) ?? [];
    chunks.push({ chain: id, seq, keep, body });
    chains.set(id, chunks);
  }
  for (const chunks of chains.values()) chunks.sort((a, b) => a.seq - b.seq);
  return chains;
}

const knownChains = (head: Head | undefined) =>
  new Map([...(head?.refs.values() ?? [])].filter((ref) => ref.kind === "grown").map((ref) => [ref.chain, ref]));

const seqsOf = (chains: ReadonlyMap<string, Ref>) =>
  Object.fromEntries([...chains].map(([chain, { seq }]) => [chain, seq]));
