import type { CheckpointNode, DeltaMarks } from "./prune.sql.ts";
import { deltaNeeds } from "./prune-delta.ts";
import { aroundOf, createForest, type Forest, timeOf, versionOf } from "./prune-forest.ts";

/** Which checkpoints may go; at least one of the two is given. */
export interface PruneRules {
  /** The newest of each namespace that stay. */
  readonly keepLast?: number;
  /** What was made at this moment or later stays. */
  readonly olderThan?: Date;
}

/** What becomes of the checkpoints of a thread that do not stay as they are. */
export interface PrunePlan {
  readonly drop: readonly CheckpointNode[];
  /** Not seen any more, but kept for what later checkpoints need of them. */
  readonly demote: readonly CheckpointNode[];
}

/** The checkpoints of a thread that stay as they are. */
export function chooseKept(
  nodes: readonly CheckpointNode[],
  pins: ReadonlySet<string>,
  rules: PruneRules,
): { forest: Forest; kept: ReadonlySet<CheckpointNode> } {
  const forest = createForest(nodes);
  const kept = new Set<CheckpointNode>();
  for (const node of nodes) {
    if (!node.remnant && (pins.has(node.checkpoint_id) || isYoung(node, rules))) keepWithAround(forest, kept, node);
  }
  // The graphs around come first, so that what a subgraph's checkpoints belong to is settled before them.
  for (const [checkpoint_ns, group] of forest.namespaces) {
    const visible = group.filter((node) => !node.remnant && belongs(forest, kept, node));
    for (const node of visible.slice(0, rules.keepLast ?? 1)) kept.add(node);
    if (!isInvocation(checkpoint_ns) && checkpoint_ns !== "") keepAtEachRoot(forest, kept, visible);
  }
  return { forest, kept };
}

/** What becomes of the others. */
export function planPrune(
  nodes: readonly CheckpointNode[],
  { forest, kept }: { forest: Forest; kept: ReadonlySet<CheckpointNode> },
  pins: ReadonlySet<string>,
  marks: readonly DeltaMarks[],
): PrunePlan {
  const needed = deltaNeeds(forest, kept, marks);
  for (const node of kept) {
    // Before version 4 the sends of a checkpoint were kept with the writes of its parent.
    const parent = versionOf(node) < 4 ? forest.parentOf(node) : undefined;
    if (parent !== undefined) needed.add(parent);
  }
  for (const node of nodes) if (node.remnant && pins.has(node.checkpoint_id)) needed.add(node);
  const others = nodes.filter((node) => !kept.has(node));
  return {
    drop: others.filter((node) => !needed.has(node)),
    demote: others.filter((node) => needed.has(node) && !node.remnant),
  };
}

/** One run of a subgraph has a namespace of its own, with the id of its task. */
const isInvocation = (checkpoint_ns: string): boolean => checkpoint_ns.includes(":");

/** A checkpoint whose time cannot be told is never old. */
const isYoung = (node: CheckpointNode, { olderThan }: PruneRules): boolean =>
  olderThan !== undefined && !(timeOf(node) < olderThan.getTime());

function keepWithAround(forest: Forest, kept: Set<CheckpointNode>, node: CheckpointNode): void {
  kept.add(node);
  if (!isInvocation(node.checkpoint_ns)) return;
  for (const { checkpoint_ns, checkpoint_id } of aroundOf(node)) {
    const outer = forest.find(checkpoint_ns, checkpoint_id);
    if (outer !== undefined && !outer.remnant && !kept.has(outer)) keepWithAround(forest, kept, outer);
  }
}

/**
 * What one run of a subgraph has left stays as long as the checkpoint whose task it was. That one may not be stored yet:
 * a subgraph's first checkpoint can overtake it.
 */
function belongs(forest: Forest, kept: ReadonlySet<CheckpointNode>, node: CheckpointNode): boolean {
  const [owner] = isInvocation(node.checkpoint_ns) ? aroundOf(node) : [];
  if (owner === undefined) return true;
  const stored = forest.find(owner.checkpoint_ns, owner.checkpoint_id);
  if (stored !== undefined) return kept.has(stored);
  const newest = forest.namespaces.get(owner.checkpoint_ns)?.[0];
  return newest === undefined || newest.checkpoint_id < owner.checkpoint_id;
}

/** A replay of a checkpoint gives a subgraph with a memory of its own the newest that it had before. */
function keepAtEachRoot(forest: Forest, kept: Set<CheckpointNode>, newestFirst: readonly CheckpointNode[]): void {
  let next = 0;
  for (const root of forest.namespaces.get("") ?? []) {
    if (!kept.has(root)) continue;
    while (next < newestFirst.length && (newestFirst[next]?.checkpoint_id ?? "") >= root.checkpoint_id) next += 1;
    const before = newestFirst[next];
    if (before !== undefined) kept.add(before);
  }
}
