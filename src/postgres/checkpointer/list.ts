import type { RunnableConfig } from "@langchain/core/runnables";
import type { CheckpointListOptions, CheckpointTuple } from "@langchain/langgraph-checkpoint";
import type { Queryable } from "../database.ts";
import { type Address, isStorable, isUuid } from "./address.ts";
import { type Chunk, isKeyed, isWhole, linesOf } from "./chains.ts";
import { decode, revive } from "./decode.ts";
import { setOwn } from "./encode.ts";
import { moveSendsToChannel } from "./get-tuple.ts";
import {
  chunksOfPage,
  type ListCursor,
  type ListedCheckpoint,
  type ListedChunk,
  type ListedWrite,
  type ListFilter,
  pageOfAll,
  pageOfNamespace,
  writesOfPage,
} from "./list.sql.ts";
import { filterableJson } from "./put-plan.ts";
import type { StoredWrite } from "./read.sql.ts";
import { buildTuple, inlineValues, parseBody, storedRefs } from "./tuple.ts";

const PAGE_ROWS = 256;

type Reader = Pick<Queryable, "many">;

/**
 * Lists checkpoints, newest first, page by page. Each chain is read and each of its parts decoded once; so the lists
 * and objects of different checkpoints are fresh ones that share their elements, which the caller must not change.
 */
export async function* listTuples(
  database: Reader,
  tenant_id: string,
  config: RunnableConfig,
  options: CheckpointListOptions = {},
): AsyncGenerator<CheckpointTuple> {
  const { thread_id, checkpoint_ns, checkpoint_id } = config.configurable ?? {};
  const before: unknown = options.before?.configurable?.["checkpoint_id"];
  const impossible =
    (thread_id !== undefined && !isStorable("thread_id", thread_id)) ||
    (checkpoint_ns !== undefined && !isStorable("checkpoint_ns", checkpoint_ns)) ||
    [checkpoint_id, before].some((id) => id !== undefined && id !== null && !isUuid(id));
  if (impossible) return;
  const filter = { checkpoint_id: checkpoint_id ?? null, before: (before as string | undefined) ?? null };
  const metadata = filterText(options.filter);
  const where = { tenant_id, thread_id: thread_id ?? null, checkpoint_ns: checkpoint_ns ?? null };
  const chains = createChainStore(database, tenant_id);
  let left = Math.ceil(options.limit ?? Number.POSITIVE_INFINITY);
  let after: ListedCheckpoint | undefined;
  while (left > 0) {
    const limit = Math.min(PAGE_ROWS, left);
    const page = await readPage(database, where, { ...filter, metadata, limit }, after);
    await chains.load(page);
    // Last, because it also tells which checkpoints are still there: what was read of these is whole, and those that
    // were deleted or pruned since the page was read are no part of the list.
    const writes = await readWrites(database, tenant_id, page);
    for (const row of page) {
      const own = writes.get(rowKey(row));
      if (own === undefined) continue;
      left -= 1;
      yield await tupleOf(database, row, own, chains);
    }
    after = page.at(-1);
    if (page.length < limit) return;
  }
}

interface ListScope {
  readonly tenant_id: string;
  readonly thread_id: string | null;
  readonly checkpoint_ns: string | null;
}

async function readPage(
  database: Reader,
  { tenant_id, thread_id, checkpoint_ns }: ListScope,
  filter: ListFilter,
  after: ListedCheckpoint | undefined,
): Promise<ListedCheckpoint[]> {
  if (thread_id !== null && checkpoint_ns !== null) {
    const before = after?.checkpoint_id ?? filter.before;
    return await database.many(pageOfNamespace({ tenant_id, thread_id, checkpoint_ns }, { ...filter, before }));
  }
  const cursor: ListCursor = after ?? { checkpoint_id: null, thread_id: null, checkpoint_ns: null };
  return await database.many(pageOfAll(tenant_id, thread_id, checkpoint_ns, filter, cursor));
}

/** The filter as contained JSON, in the form in which metadata is kept for it. */
function filterText(filter: CheckpointListOptions["filter"]): string | null {
  const wanted = Object.entries(filter ?? {}).filter(([, value]) => value !== undefined);
  return wanted.length === 0 ? null : filterableJson(Object.fromEntries(wanted));
}

const rowKey = ({ thread_id, checkpoint_ns, checkpoint_id }: ListedCheckpoint | ListedWrite) =>
  `${thread_id}\0${checkpoint_ns}\0${checkpoint_id}`;

async function readWrites(database: Reader, tenant_id: string, page: readonly ListedCheckpoint[]) {
  const rows = await database.many(
    writesOfPage(
      tenant_id,
      page.map((row) => row.thread_id),
      page.map((row) => row.checkpoint_ns),
      page.map((row) => row.checkpoint_id),
    ),
  );
  const writes = new Map<string, StoredWrite[]>();
  for (const row of rows) {
    const known = writes.get(rowKey(row)) ?? [];
    writes.set(rowKey(row), known);
    if (row.task_id !== null) known.push({ ...row, task_id: row.task_id });
  }
  return writes;
}

async function tupleOf(
  database: Reader,
  row: ListedCheckpoint,
  writes: readonly StoredWrite[],
  chains: ChainStore,
): Promise<CheckpointTuple> {
  const { checkpoint_id, parent_checkpoint_id, metadata } = row;
  const address: Address = { tenant_id: row.tenant_id, thread_id: row.thread_id, checkpoint_ns: row.checkpoint_ns };
  const body = parseBody(row.body);
  const values = inlineValues(body);
  for (const ref of storedRefs(body.refs, row.chains, row.seqs)) {
    setOwn(values, ref.channel, chains.valueAt(row.thread_id, ref.chain, ref.seq));
  }
  if (body.v < 4 && parent_checkpoint_id !== null) {
    await moveSendsToChannel(database, address, parent_checkpoint_id, body, values);
  }
  return buildTuple({ address, checkpoint_id, parent_checkpoint_id, metadata, body, values, writes });
}

interface ChainStore {
  /** Reads the chains of a page that are not known far enough yet. */
  load(page: readonly ListedCheckpoint[]): Promise<void>;
  valueAt(thread_id: string, chain: string, seq: number): unknown;
}

/** A chunk whose elements or members are decoded once, and then shared by every value they are part of. */
interface DecodedChunk {
  readonly chunk: Chunk;
  readonly parts: readonly unknown[];
}

function createChainStore(database: Reader, tenant_id: string): ChainStore {
  const chains = new Map<string, DecodedChunk[]>();
  const keyOf = (thread_id: string, chain: string) => `${chain}${thread_id}`;
  return {
    async load(page) {
      const wanted = new Map<string, { thread_id: string; chain: string; seq: number }>();
      for (const { thread_id, body, chains: ids, seqs } of page) {
        if (ids === null) continue;
        for (const { chain, seq } of storedRefs(parseBody(body).refs, ids, seqs)) {
          const key = keyOf(thread_id, chain);
          // Newer checkpoints come first, so what a later page needs of a chain is mostly here already.
          if ((chains.get(key)?.length ?? 0) > seq || (wanted.get(key)?.seq ?? -1) >= seq) continue;
          wanted.set(key, { thread_id, chain, seq });
        }
      }
      if (wanted.size === 0) return;
      const all = [...wanted.values()];
      const rows = await database.many(
        chunksOfPage(
          tenant_id,
          all.map(({ thread_id }) => thread_id),
          all.map(({ chain }) => chain),
          all.map(({ seq }) => seq),
        ),
      );
      for (const { thread_id, chain } of all) chains.set(keyOf(thread_id, chain), []);
      for (const row of rows) chains.get(keyOf(row.thread_id, row.chain))?.push(decodeChunk(row));
    },
    valueAt(thread_id, chain, seq) {
      const chunks = chains.get(keyOf(thread_id, chain)) ?? [];
      if (chunks.length <= seq)
        throw new Error(`thread ${thread_id} refers to rows of chain ${chain} that are missing`);
      const needed = chunks.slice(0, seq + 1);
      const first = needed[0]?.chunk;
      if (first !== undefined && isWhole(first)) return decode(first.body);
      return first !== undefined && isKeyed(first) ? objectOf(needed) : listOf(needed);
    },
  };
}

function listOf(chunks: readonly DecodedChunk[]): unknown[] {
  const list: unknown[] = [];
  for (const { chunk, parts } of chunks) {
    list.length = chunk.keep;
    for (const element of parts) list.push(element);
  }
  return list;
}

function objectOf(chunks: readonly DecodedChunk[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const { parts } of chunks) {
    for (const member of parts as Member[]) {
      if (member.isRemoved) delete object[member.name];
      else setOwn(object, member.name, member.value);
    }
  }
  return object;
}

interface Member {
  readonly name: string;
  readonly value?: unknown;
  readonly isRemoved: boolean;
}

function decodeMember(line: string): Member {
  if (line.startsWith("-")) return { name: JSON.parse(line.slice(1)) as string, isRemoved: true };
  const [[name, value] = [""]] = Object.entries(JSON.parse(`{${line}}`) as Record<string, unknown>);
  return { name, value: revive(value), isRemoved: false };
}

function decodeChunk(chunk: ListedChunk): DecodedChunk {
  if (isWhole(chunk)) return { chunk, parts: [] };
  return { chunk, parts: linesOf(chunk.body).map(isKeyed(chunk) ? decodeMember : decode) };
}
