import { isDeepStrictEqual } from "node:util";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";
import type { PostgresSaver } from "../../src/postgres/checkpointer/postgres-saver.ts";
import { collect } from "../support/collect.ts";
import { differences, textOf, tupleFaces } from "./walk-face.ts";
import { ReferenceSaver } from "./walk-reference.ts";

/** A saver of ours as a graph sees it. */
export type WalkSaver = PostgresSaver & Pick<BaseCheckpointSaver, "put" | "putWrites">;

/**
 * Gives everything a graph stores to a saver in memory and to ours, and compares everything it reads. Both have the
 * same ids then, so that nothing has to be normalised before it is compared.
 */
export class MirrorSaver extends BaseCheckpointSaver {
  readonly memory = new ReferenceSaver();
  /** What was different, first of all the first: a graph may swallow what a saver throws. */
  readonly differences: Error[] = [];
  /** How many answers were compared. */
  compared = 0;
  readonly #ours: () => WalkSaver;

  /** `ours` is asked at every call, so that the savers of several processes can take turns. */
  constructor(ours: () => WalkSaver) {
    super();
    this.#ours = ours;
  }

  override getNextVersion(current: number | undefined): number {
    return this.#ours().getNextVersion(current);
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const [tuple, expected] = await Promise.all([this.#ours().getTuple(config), this.memory.getTuple(config)]);
    this.judge("getTuple", ...tupleFaces(tuple, expected));
    return tuple;
  }

  async *list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple> {
    const tuples = await collect(this.#ours().list(config, options));
    const expected = await collect(this.memory.list(config, options));
    this.judgeList("list", tuples, expected);
    yield* tuples;
  }

  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    const [history, expected] = await Promise.all([
      this.#ours().getDeltaChannelHistory(options),
      this.memory.getDeltaChannelHistory(options),
    ]);
    this.judge("getDeltaChannelHistory", texts(history), texts(expected));
    return history;
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const saver = this.#ours();
    // Ours first: it has to have taken what it stores when it returns its promise.
    const stored = saver.put(config, checkpoint, metadata, newVersions);
    // Under a lease, what the run says about itself goes along.
    const labelled = saver.fenced ? { ...config.metadata, ...metadata } : metadata;
    const [place, expected] = await Promise.all([stored, this.memory.put(config, checkpoint, labelled)]);
    this.judge("the config that put returns", place, expected);
    return place;
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath?: string): Promise<void> {
    const stored = this.#ours().putWrites(config, writes, taskId, taskPath);
    await Promise.all([stored, this.memory.putWrites(config, writes, taskId, taskPath)]);
  }

  async deleteThread(): Promise<void> {
    throw new Error("a walk deletes no thread");
  }

  /** Compares two lists of checkpoints, in their order. */
  judgeList(what: string, tuples: readonly CheckpointTuple[], expected: readonly CheckpointTuple[]): void {
    const faces = Array.from({ length: Math.max(tuples.length, expected.length) }, (_, index) =>
      tupleFaces(tuples[index], expected[index]),
    );
    this.judge(
      what,
      faces.map(([face]) => face),
      faces.map(([, face]) => face),
    );
  }

  /** Remembers a difference and throws it. */
  judge(what: string, actual: unknown, expected: unknown): void {
    this.compared += 1;
    if (isDeepStrictEqual(actual, expected)) return;
    const difference = new Error(`${what}: ${differences(actual, expected).slice(0, 6).join("; ")}`);
    this.differences.push(difference);
    throw difference;
  }
}

const texts = (fields: object) => Object.entries(fields).map(([name, value]) => [name, textOf(value)]);
