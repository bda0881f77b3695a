import type { CheckpointNode, DeltaMarks } from "./prune.sql.ts";
import { deltaChannelsOf, type Forest } from "./prune-forest.ts";

/**
 * What the kept checkpoints need of those that are not kept to rebuild their delta channels. LangGraph does not store
 * such a channel with every checkpoint: it goes back along the parents to the nearest one that does and applies the
 * writes on the way. So all between a kept checkpoint and the furthest one that still gives something stays.
 *
 * Nothing says of a channel that it is one; but a checkpoint that leaves one out counts in its metadata how long it has
 * done so, and that names it.
 */
export function deltaNeeds(
  forest: Forest,
  kept: ReadonlySet<CheckpointNode>,
  marks: readonly DeltaMarks[],
): Set<CheckpointNode> {
  const needed = new Set<CheckpointNode>();
  const markOf = new Map<CheckpointNode, DeltaMarks>();
  for (const mark of marks) {
    const node = forest.find(mark.checkpoint_ns, mark.checkpoint_id);
    if (node !== undefined) markOf.set(node, mark);
  }
  for (const group of forest.namespaces.values()) {
    const channels = [...new Set(group.flatMap(deltaChannelsOf))];
    const givers = channels.map((channel) => ({ channel, reaches: createReach(forest, markOf, channel) }));
    for (const node of group) {
      if (kept.has(node)) addPath(forest, kept, markOf, node, givers, needed);
    }
  }
  return needed;
}

interface Giver {
  readonly channel: string;
  /** True when the checkpoint or one before it stores the channel or has writes for it. */
  reaches(node: CheckpointNode): boolean;
}

const stores = (markOf: ReadonlyMap<CheckpointNode, DeltaMarks>, node: CheckpointNode, channel: string) =>
  markOf.get(node)?.stored.includes(channel) === true;

function addPath(
  forest: Forest,
  kept: ReadonlySet<CheckpointNode>,
  markOf: ReadonlyMap<CheckpointNode, DeltaMarks>,
  from: CheckpointNode,
  givers: readonly Giver[],
  needed: Set<CheckpointNode>,
): void {
  let wanted = givers.filter(({ channel }) => !stores(markOf, from, channel));
  let node = forest.parentOf(from);
  // A kept checkpoint on the way sees to what is before it: it wants all that is still wanted there.
  while (node !== undefined && !kept.has(node)) {
    const at = node;
    wanted = wanted.filter(({ reaches }) => reaches(at));
    if (wanted.length === 0) return;
    needed.add(at);
    wanted = wanted.filter(({ channel }) => !stores(markOf, at, channel));
    node = forest.parentOf(at);
  }
}

/** Remembers what it has found, so that all checkpoints together cost one walk. */
function createReach(
  forest: Forest,
  markOf: ReadonlyMap<CheckpointNode, DeltaMarks>,
  channel: string,
): (node: CheckpointNode) => boolean {
  const known = new Map<CheckpointNode, boolean>();
  return (node) => {
    const passed: CheckpointNode[] = [];
    let found = false;
    for (let at: CheckpointNode | undefined = node; at !== undefined; at = forest.parentOf(at)) {
      const mark = markOf.get(at);
      found = known.get(at) ?? (mark?.stored.includes(channel) || mark?.written.includes(channel) || false);
      if (found || known.has(at)) break;
      passed.push(at);
    }
    for (const one of passed) known.set(one, found);
    return found;
  };
}
