import { TAG } from "./encode.ts";
import type { CheckpointNode } from "./prune.sql.ts";

/** The checkpoints of a thread, found by where they are. */
export interface Forest {
  /** By namespace, the graphs around a subgraph before it; the newest checkpoint of each first. */
  readonly namespaces: ReadonlyMap<string, readonly CheckpointNode[]>;
  find(checkpoint_ns: string, checkpoint_id: string): CheckpointNode | undefined;
  parentOf(node: CheckpointNode): CheckpointNode | undefined;
}

/** Sorts the checkpoints of a thread. */
export function createForest(nodes: readonly CheckpointNode[]): Forest {
  const byName = new Map(nodes.map((node) => [nameOf(node.checkpoint_ns, node.checkpoint_id), node]));
  const newestFirst = nodes.toSorted((a, b) => (a.checkpoint_id < b.checkpoint_id ? 1 : -1));
  const groups = [...Map.groupBy(newestFirst, ({ checkpoint_ns }) => checkpoint_ns)];
  const find = (checkpoint_ns: string, checkpoint_id: string) => byName.get(nameOf(checkpoint_ns, checkpoint_id));
  return {
    namespaces: new Map(groups.sort(([a], [b]) => a.length - b.length)),
    find,
    parentOf: ({ checkpoint_ns, parent_checkpoint_id }) =>
      parent_checkpoint_id === null ? undefined : find(checkpoint_ns, parent_checkpoint_id),
  };
}

const nameOf = (checkpoint_ns: string, checkpoint_id: string) => `${checkpoint_id}${checkpoint_ns}`;

/** A checkpoint of a graph around a subgraph. */
export interface Around {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
}

/** The checkpoints of the graphs around, under which a subgraph's checkpoint was written; the nearest graph first. */
export function aroundOf({ checkpoint_ns, parents }: CheckpointNode): Around[] {
  if (typeof parents !== "object" || parents === null) return [];
  return Object.entries(parents)
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .filter(([outer]) => outer === "" || checkpoint_ns.startsWith(`${outer}|`))
    .map(([outer, id]) => ({ checkpoint_ns: outer, checkpoint_id: id.toLowerCase() }))
    .sort((a, b) => b.checkpoint_ns.length - a.checkpoint_ns.length);
}

/** The version of a checkpoint's format; 0 where it cannot be told. */
export const versionOf = ({ beginning }: CheckpointNode): number => Number(/^\{"v":(\d+)/.exec(beginning)?.[1] ?? 0);

/** When a checkpoint was made, in milliseconds; NaN where it cannot be told. */
export const timeOf = ({ beginning }: CheckpointNode): number =>
  Date.parse(/^\{"v":[\d.]+,"ts":"([^"]*)"/.exec(beginning)?.[1] ?? "");

/** The delta channels a checkpoint's graph had, apart from those stored with it. */
export function deltaChannelsOf({ delta_counters }: CheckpointNode): string[] {
  if (typeof delta_counters !== "object" || delta_counters === null) return [];
  // A channel with the name of our tag: the object is stored wrapped.
  const counters = TAG in delta_counters && "value" in delta_counters ? delta_counters.value : delta_counters;
  return Object.keys(counters ?? {});
}
