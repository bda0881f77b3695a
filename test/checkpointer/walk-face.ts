import { isDeepStrictEqual } from "node:util";
import { BaseMessage } from "@langchain/core/messages";
import type { StateSnapshot } from "@langchain/langgraph";
import { type CheckpointTuple, isDeltaSnapshot } from "@langchain/langgraph-checkpoint";

/** A value as text: two values of the same text are the same, to the class and the order of their keys. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    // JSON.stringify asks toJSON before it asks us; what a message is must be seen before that.
    const item = this[key];
    if (BaseMessage.isInstance(item)) return { "a message": item.lc_id.at(-1), ...sorted(item.toDict()), id: item.id };
    if (item === undefined) return { "is undefined": true };
    if (item instanceof Map) return { "a map": [...item] };
    if (item instanceof Set) return { "a set": [...item] };
    if (item instanceof Uint8Array) return { "some bytes": [...item] };
    if (item instanceof Error) return { "an error": [item.name, item.message] };
    if (isDeltaSnapshot(item)) return { "a snapshot": item.value };
    return shown;
  });
}

/** What a saver says of a checkpoint, and what a saver in memory says of the same one. */
export function tupleFaces(tuple: CheckpointTuple | undefined, expected: CheckpointTuple | undefined) {
  return [tupleFace(tuple), tupleFace(expected, tuple)] as const;
}

/**
 * A channel without a version was never written: what it holds is what its factory makes, also when it is read again.
 * In memory that is stored as well. Savers that store what changed, ours as the official ones, leave it out.
 */
export function tupleFace(tuple: CheckpointTuple | undefined, other = tuple) {
  if (tuple === undefined) return "no such checkpoint";
  const { config, checkpoint, metadata, parentConfig, pendingWrites } = tuple;
  const { id, v, ts, channel_values, channel_versions, versions_seen } = checkpoint;
  return {
    at: placeOf(config),
    parent: placeOf(parentConfig),
    checkpoint: { id, v, ts, channel_versions, versions_seen },
    values: textsOf(
      Object.fromEntries(
        Object.entries(channel_values).filter(
          ([channel]) => channel in channel_versions || channel in (other?.checkpoint.channel_values ?? {}),
        ),
      ),
    ),
    // As a value: it is kept as jsonb, which has no order of keys.
    metadata,
    writes: (pendingWrites ?? []).map(([task, channel, value]) => [task, channel, textOf(value)]),
  };
}

/** All that a graph says of a state, and of the states of its subgraphs. */
export function snapshotFace(snapshot: StateSnapshot): unknown {
  const { values, next, config, metadata, createdAt, parentConfig, tasks } = snapshot;
  return {
    values: textsOf(values),
    next,
    at: placeOf(config),
    checkpoint_map: config.configurable?.["checkpoint_map"],
    metadata,
    createdAt,
    parent: placeOf(parentConfig),
    tasks: tasks.map(taskFace),
  };
}

function taskFace({ state, ...task }: StateSnapshot["tasks"][number]): unknown {
  const inner = state !== undefined && "values" in state ? snapshotFace(state) : textOf(state);
  return { ...textsOf(task), state: inner };
}

const placeOf = (config: CheckpointTuple["config"] | undefined) => {
  if (config?.configurable === undefined) return undefined;
  const { thread_id, checkpoint_ns, checkpoint_id } = config.configurable;
  return { thread_id, checkpoint_ns, checkpoint_id };
};

/** Each field as text, so that the order of keys counts inside of a channel and not among the channels. */
const textsOf = (fields: object | undefined) =>
  Object.fromEntries(Object.entries(fields ?? {}).map(([key, value]) => [key, textOf(value)]));

const sorted = (fields: object) => Object.fromEntries(Object.entries(fields).sort());

/** Where two faces differ and how, cut to what can be read. */
export function differences(actual: unknown, expected: unknown, path = ""): string[] {
  if (isDeepStrictEqual(actual, expected)) return [];
  if (isNode(actual) && isNode(expected)) {
    const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
    return [...keys].flatMap((key) => differences(actual[key], expected[key], `${path}/${key}`));
  }
  const [left, right] = [String(textOf(actual)), String(textOf(expected))];
  let same = 0;
  while (left[same] === right[same] && same < left.length) same += 1;
  const from = Math.max(0, same - 40);
  return [`${path} is …${left.slice(from, same + 80)}… instead of …${right.slice(from, same + 80)}…`];
}

const isNode = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
