import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type CheckpointListOptions,
  type CheckpointTuple,
  INTERRUPT,
  JsonPlusSerializer,
  MemorySaver,
  type PendingWrite,
  RESUME,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";

const PROTO = "__proto__";
const PROTO_STAND_IN = "a key that is named like the prototype";

/**
 * What MemorySaver gets wrong by itself: it loses a key `__proto__`, because it assigns it (here it passes under another
 * name), and it stores a value that is nothing but bytes as bytes, which it then reads as JSON.
 */
class CarefulSerializer extends JsonPlusSerializer {
  override async dumpsTyped(value: unknown): Promise<[string, Uint8Array]> {
    return value instanceof Uint8Array ? ["json", this._dumps(value)] : await super.dumpsTyped(value);
  }

  override async loadsTyped(type: string, data: Uint8Array | string): Promise<unknown> {
    const text = textOfData(data);
    if (!text.includes(`"${PROTO}":`)) return await super.loadsTyped(type, data);
    return renamed(await super.loadsTyped(type, text.replaceAll(`"${PROTO}":`, `"${PROTO_STAND_IN}":`)));
  }
}

const textOfData = (data: Uint8Array | string) => (typeof data === "string" ? data : new TextDecoder().decode(data));

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key === PROTO_STAND_IN ? PROTO : key, renamed(inner)]),
  );
}

const NULL_TASK = "00000000-0000-0000-0000-000000000000";
const keyOf = (...address: string[]) => JSON.stringify(address);

/**
 * The saver in memory, which can copy and prune, and but for one rule. When a task writes a second time under the same
 * checkpoint, as two commands with an update do while a thread waits, MemorySaver keeps the first write of each index:
 * what is stored then is half of the one command and half of the other. Ours keeps what the first call wrote, whole.
 */
export class ReferenceSaver extends MemorySaver {
  /** Checkpoints that were pruned. They are not seen, but delta channels of later ones are rebuilt from them. */
  readonly #hidden = new Set<string>();

  constructor() {
    super(new CarefulSerializer());
  }

  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath?: string,
  ): Promise<void> {
    const { thread_id, checkpoint_ns, checkpoint_id } = config.configurable ?? {};
    const stored = this.writes[keyOf(thread_id, checkpoint_ns, checkpoint_id)] ?? {};
    const written = Object.values(stored).some(([task, channel]) => task === taskId && !(channel in WRITES_IDX_MAP));
    const kept = written ? writes.filter(([channel]) => channel in WRITES_IDX_MAP) : writes;
    await super.putWrites(config, kept, taskId, taskPath);
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { thread_id, checkpoint_ns = "", checkpoint_id } = config.configurable ?? {};
    if (checkpoint_id !== undefined) {
      return this.#hidden.has(keyOf(thread_id, checkpoint_ns, checkpoint_id))
        ? undefined
        : await super.getTuple(config);
    }
    const newest = this.idsOf(thread_id, checkpoint_ns).at(-1);
    return newest === undefined
      ? undefined
      : await super.getTuple({ configurable: { ...config.configurable, checkpoint_id: newest } });
  }

  override async *list(config: RunnableConfig, { limit, ...options }: CheckpointListOptions = {}) {
    let left = limit ?? Number.POSITIVE_INFINITY;
    for await (const tuple of super.list(config, options)) {
      const { thread_id, checkpoint_ns, checkpoint_id } = tuple.config.configurable ?? {};
      if (left <= 0 || this.#hidden.has(keyOf(thread_id, checkpoint_ns, checkpoint_id))) continue;
      left -= 1;
      yield tuple;
    }
  }

  /** The checkpoints of a namespace that can be seen, the oldest first. */
  idsOf(thread_id: string, checkpoint_ns: string): string[] {
    const ids = Object.keys(this.storage[thread_id]?.[checkpoint_ns] ?? {}).sort();
    return ids.filter((id) => !this.#hidden.has(keyOf(thread_id, checkpoint_ns, id)));
  }

  /** The namespaces of a thread. */
  namespacesOf(thread_id: string): string[] {
    return Object.keys(this.storage[thread_id] ?? {});
  }

  /** Hides all of a namespace but these. */
  keepOnly(thread_id: string, checkpoint_ns: string, ids: readonly string[]): void {
    for (const id of this.idsOf(thread_id, checkpoint_ns)) {
      if (!ids.includes(id)) this.#hidden.add(keyOf(thread_id, checkpoint_ns, id));
    }
  }

  /** Copies a thread without its answers, as ours does: a copy asks everything itself. */
  copyThread(source: string, target: string): void {
    const name = (data: Uint8Array) =>
      new TextEncoder().encode(textOfData(data).replaceAll(`"thread_id":"${source}"`, `"thread_id":"${target}"`));
    for (const checkpoint_ns of this.namespacesOf(source)) {
      const checkpoints = this.storage[source]?.[checkpoint_ns] ?? {};
      const parents = new Set(Object.values(checkpoints).map(([, , parent]) => parent));
      for (const [id, [checkpoint, metadata, parent]] of Object.entries(checkpoints)) {
        this.storage[target] ??= Object.create(null);
        this.storage[target]![checkpoint_ns] ??= Object.create(null);
        this.storage[target]![checkpoint_ns]![id] = [checkpoint, name(metadata), parent];
        if (this.#hidden.has(keyOf(source, checkpoint_ns, id))) this.#hidden.add(keyOf(target, checkpoint_ns, id));
        const writes = Object.entries(this.writes[keyOf(source, checkpoint_ns, id)] ?? {});
        const answered = new Set(writes.flatMap(([, [task, channel]]) => (channel === RESUME ? [task] : [])));
        const copied = writes.filter(
          ([, [task, channel]]) =>
            channel !== RESUME &&
            !(channel === INTERRUPT && answered.has(task)) &&
            (task !== NULL_TASK || parents.has(id)),
        );
        this.writes[keyOf(target, checkpoint_ns, id)] = Object.fromEntries(copied);
      }
    }
  }
}
