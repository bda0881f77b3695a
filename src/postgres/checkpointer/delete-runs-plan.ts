import { HoldpointError } from "../../protocol/errors.ts";
import type { RunHold, RunWrite } from "./delete-runs.sql.ts";
import type { CheckpointNode } from "./prune.sql.ts";
import { aroundOf, createForest, type Forest } from "./prune-forest.ts";

/** What is known of a thread that runs are to be removed from. */
export interface RollbackScene {
  readonly thread_id: string;
  readonly run_ids: ReadonlySet<string>;
  readonly nodes: readonly CheckpointNode[];
  readonly writes: readonly RunWrite[];
  readonly holds: readonly RunHold[];
}

/** The checkpoints that go with their runs; throws when something that stays depends on the runs. */
export function planRollback(scene: RollbackScene): CheckpointNode[] {
  const going = scene.nodes.filter(({ run_id }) => run_id !== null && scene.run_ids.has(run_id));
  const goes = new Set(going);
  refuseHeld(scene, going);
  const forest = createForest(scene.nodes);
  for (const node of scene.nodes) if (!goes.has(node)) refuseDescendant(scene, forest, goes, node);
  for (const node of going) refuseWithoutPast(scene, forest, goes, node);
  for (const write of scene.writes) refuseUsedWrite(scene, forest, goes, write);
  return going;
}

function refuseHeld(scene: RollbackScene, going: readonly CheckpointNode[]): void {
  const ids = new Set(going.map(({ checkpoint_id }) => checkpoint_id));
  const held = scene.holds.find(({ checkpoint_id }) => checkpoint_id === null || ids.has(checkpoint_id));
  if (held === undefined) return;
  const { kind, id, status } = held;
  const what = {
    run: `run ${id} is ${status}; cancel it and wait for its end first`,
    review: `review ${id} is ${status} and refers to them; decide or cancel it first`,
    effect: `effect ${id} has been started under them, and what it did outside cannot be taken back`,
  };
  throw refusal(scene, kind === "run" ? "thread_busy" : "superseded", what[kind]);
}

function refuseDescendant(
  scene: RollbackScene,
  forest: Forest,
  goes: ReadonlySet<CheckpointNode>,
  node: CheckpointNode,
): void {
  const before = [
    forest.parentOf(node),
    ...aroundOf(node).map(({ checkpoint_ns, checkpoint_id }) => forest.find(checkpoint_ns, checkpoint_id)),
  ];
  const lost = before.find((one) => one !== undefined && goes.has(one));
  if (lost === undefined) return;
  throw refusal(
    scene,
    "superseded",
    `checkpoint ${node.checkpoint_id} of ${writerOf(node)} continues ${lost.checkpoint_id}`,
  );
}

/** The head before the runs could not be the head again. */
function refuseWithoutPast(
  scene: RollbackScene,
  forest: Forest,
  goes: ReadonlySet<CheckpointNode>,
  node: CheckpointNode,
): void {
  if (node.parent_checkpoint_id === null) return;
  const parent = forest.parentOf(node);
  if (parent !== undefined && (goes.has(parent) || !parent.remnant)) return;
  throw refusal(scene, "superseded", `checkpoint ${node.parent_checkpoint_id}, which they continue, has been pruned`);
}

/** What a run recorded on a checkpoint of another run may have been used by a third one. */
function refuseUsedWrite(
  scene: RollbackScene,
  forest: Forest,
  goes: ReadonlySet<CheckpointNode>,
  { checkpoint_ns, checkpoint_id, run_id, replaced }: RunWrite,
): void {
  if (replaced) {
    const other = run_id === null ? "a run without an id" : `run ${run_id}`;
    throw refusal(scene, "superseded", `${other} has recorded more on checkpoint ${checkpoint_id} since`);
  }
  const at = forest.find(checkpoint_ns, checkpoint_id);
  if (at === undefined || goes.has(at)) return;
  const children = (forest.namespaces.get(checkpoint_ns) ?? []).filter((node) => forest.parentOf(node) === at);
  const own = children.filter((node) => goes.has(node));
  const firstOwn = own.at(-1)?.checkpoint_id ?? "";
  // An older branch was there before the runs began.
  const user = children.find((node) => !goes.has(node) && node.checkpoint_id > firstOwn);
  if (user === undefined) return;
  const message = `checkpoint ${user.checkpoint_id} of ${writerOf(user)} continues ${checkpoint_id}, on which they recorded writes`;
  throw refusal(scene, "superseded", message);
}

const writerOf = ({ run_id }: CheckpointNode) => (run_id === null ? "a run without an id" : `run ${run_id}`);

function refusal({ thread_id, run_ids }: RollbackScene, code: "superseded" | "thread_busy", because: string) {
  const [first] = run_ids;
  const who = run_ids.size === 1 ? `run ${first}` : `${run_ids.size} runs, the first of them ${first},`;
  return new HoldpointError(
    code,
    `the checkpoints of ${who} on thread ${JSON.stringify(thread_id)} were not deleted: ${because}`,
    { facts: { thread_id } },
  );
}
