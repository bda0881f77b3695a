import type { Address } from "./address.ts";
import type { Ref } from "./chains.ts";
import { sizeOf } from "./pieces.ts";

/** What a put needs to know of its parent: only text, never live objects, which nodes may change. */
export interface Head {
  readonly checkpoint_id: string;
  /** What tells whether a channel is the same in a later checkpoint. */
  readonly versions: Readonly<Record<string, number | string>>;
  /** The channels kept in chains. */
  readonly refs: ReadonlyMap<string, Ref>;
  /** The channels kept in the row itself, as JSON text. */
  readonly inline: ReadonlyMap<string, string>;
}

/** The newest known checkpoint of each namespace, least recently used out first. */
export interface HeadCache {
  get(address: Address): Head | undefined;
  set(address: Address, head: Head): void;
  /** Forgets one namespace, or all of the thread. */
  forget(address: Pick<Address, "tenant_id" | "thread_id"> & Partial<Address>): void;
  readonly bytes: number;
}

/** Creates a cache that holds at most `maxBytes` of text. */
export function createHeadCache(maxBytes: number): HeadCache {
  const threads = new Map<string, Map<string, { head: Head; bytes: number }>>();
  let bytes = 0;
  const threadKey = ({ tenant_id, thread_id }: Pick<Address, "tenant_id" | "thread_id">) =>
    `${tenant_id}\0${thread_id}`;

  function remove(key: string, checkpoint_ns: string): void {
    const heads = threads.get(key);
    bytes -= heads?.get(checkpoint_ns)?.bytes ?? 0;
    heads?.delete(checkpoint_ns);
    if (heads?.size === 0) threads.delete(key);
  }

  function evictOldest(): void {
    const [key, heads] = threads.entries().next().value ?? [];
    const checkpoint_ns = heads?.keys().next().value;
    if (key !== undefined && checkpoint_ns !== undefined) remove(key, checkpoint_ns);
  }

  return {
    get bytes() {
      return bytes;
    },
    get(address) {
      const key = threadKey(address);
      const heads = threads.get(key);
      if (heads === undefined) return undefined;
      threads.delete(key);
      threads.set(key, heads);
      return heads.get(address.checkpoint_ns)?.head;
    },
    set(address, head) {
      const key = threadKey(address);
      remove(key, address.checkpoint_ns);
      const size = bytesOf(head);
      if (size > maxBytes) return;
      const heads = threads.get(key) ?? new Map();
      heads.set(address.checkpoint_ns, { head, bytes: size });
      threads.delete(key);
      threads.set(key, heads);
      bytes += size;
      while (bytes > maxBytes) evictOldest();
    },
    forget({ checkpoint_ns, ...thread }) {
      const key = threadKey(thread);
      if (checkpoint_ns !== undefined) return remove(key, checkpoint_ns);
      for (const known of [...(threads.get(key)?.keys() ?? [])]) remove(key, known);
    },
  };
}

/** Two bytes for each character, the most a string takes, and what the containers cost. */
function bytesOf({ versions, refs, inline }: Head): number {
  let characters = 0;
  let entries = 4 + Object.keys(versions).length;
  for (const text of inline.values()) {
    characters += text.length;
    entries += 1;
  }
  for (const ref of refs.values()) {
    entries += 2;
    if (ref.kind !== "grown") continue;
    characters += ref.snapshotCharacters + ref.deltaCharacters;
    entries += sizeOf(ref.pieces);
  }
  return 2 * characters + 64 * entries;
}
