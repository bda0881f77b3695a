import { AIMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, DeltaChannel, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { expect, test } from "vitest";
import { listTuples } from "../../src/postgres/checkpointer/list.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import { inThread, readAll } from "./maintenance.ts";
import { checkpointOf, METADATA, openSaverScene } from "./support.ts";

const { counted, replica } = await openSaverScene();

const append = (state: string[], writes: unknown[]) => [...state, ...writes.flat().map(String)];
const deltaGraph = (checkpointer: BaseCheckpointSaver) =>
  new StateGraph(
    Annotation.Root({
      ...MessagesAnnotation.spec,
      turn: Annotation<number>(),
      often: () => new DeltaChannel<string[]>(append, { snapshotFrequency: 3, initialValueFactory: () => [] }),
      seldom: () => new DeltaChannel<string[]>(append, { snapshotFrequency: 5, initialValueFactory: () => [] }),
      never: () => new DeltaChannel<string[]>(append, { initialValueFactory: () => [] }),
    }),
  )
    .addNode("work", ({ turn }) => ({
      often: [`often ${turn}`],
      ...(turn % 2 === 0 ? { seldom: [`seldom ${turn} `.repeat(40)] } : {}),
      messages: [new AIMessage({ id: `${turn}`, content: "x".repeat(400) })],
    }))
    .addEdge(START, "work")
    .compile({ checkpointer });

/** Every checkpoint of the thread as the graph shows it, each read by itself. */
async function statesOf(thread_id: string): Promise<string[]> {
  const graph = deltaGraph(replica.saver);
  const tuples = await readAll(replica.saver, inThread(thread_id));
  return await Promise.all(tuples.map(async ({ config }) => JSON.stringify(await graph.getState(config))));
}

test("what is needed to rebuild delta channels stays, and is seen by nobody", async () => {
  const graph = deltaGraph(counted.saver);
  const config = inThread("delta");
  let largest = 0;
  for (let turn = 0; turn < 24; turn += 1) {
    await graph.invoke({ turn }, config);
    const before = await statesOf("delta");
    await counted.saver.prune({ thread_ids: ["delta"], keepLast: 2 });
    expect(await statesOf("delta")).toEqual(before.slice(0, 2));
    const [row] = await counted.rows<{ rows: number }>(
      "select count(*)::integer as rows from holdpoint.checkpoint where thread_id = 'delta'",
    );
    largest = Math.max(largest, row!.rows);
  }
  const { values } = await deltaGraph(replica.saver).getState(config);
  expect(values["often"]).toEqual(Array.from({ length: 24 }, (_, turn) => `often ${turn}`));
  expect(values["seldom"]).toHaveLength(12);
  // Of 72 checkpoints: two, and those back to the snapshots before them, though the snapshots never coincide.
  expect(largest).toBeLessThan(36);
});

test("what stays of a checkpoint for a delta channel holds no other values", async () => {
  const graph = deltaGraph(counted.saver);
  for (let turn = 0; turn < 5; turn += 1) await graph.invoke({ turn }, inThread("stripped"));
  await counted.saver.prune({ thread_ids: ["stripped"], keepLast: 1 });
  const rows = await counted.rows<{ channels: string[]; body: string }>(
    "select channels, body from holdpoint.checkpoint where thread_id = 'stripped' and remnant",
  );
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.flatMap(({ channels }) => channels).filter((channel) => !["often", "seldom"].includes(channel))).toEqual(
    [],
  );
  expect(rows.some(({ body }) => body.includes("xxxx"))).toBe(false);
});

test("nothing can be put onto a checkpoint that is kept for a delta channel only", async () => {
  const graph = deltaGraph(counted.saver);
  for (let turn = 0; turn < 5; turn += 1) await graph.invoke({ turn }, inThread("grafted"));
  const history = await readAll(counted.saver, inThread("grafted"));
  await counted.saver.prune({ thread_ids: ["grafted"], keepLast: 1 });
  const [remnant] = await counted.rows<{ id: string }>(
    "select checkpoint_id as id from holdpoint.checkpoint where thread_id = 'grafted' and remnant limit 1",
  );
  const parent = history.find(({ checkpoint }) => checkpoint.id === remnant!.id)!;
  const { checkpoint, versions } = checkpointOf({ turn: 9 });
  for (const { saver } of [counted, replica]) {
    await expect(saver.put(parent.config, checkpoint, METADATA, versions)).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await saver.getTuple(parent.config)).toBeUndefined();
  }
});

test("a state that is pruned while it is read is refused instead of shown without its delta channels", async () => {
  const graph = deltaGraph(counted.saver);
  for (let turn = 0; turn < 4; turn += 1) await graph.invoke({ turn }, inThread("meanwhile"));
  const [, old] = await readAll(counted.saver, inThread("meanwhile"));
  const pruning: BaseCheckpointSaver = Object.create(replica.saver, {
    getTuple: {
      value: async (config: RunnableConfig) => {
        const tuple = await replica.saver.getTuple(config);
        await counted.saver.prune({ thread_ids: ["meanwhile"], keepLast: 1 });
        return tuple;
      },
    },
  });
  await expect(deltaGraph(pruning).getState(old!.config)).rejects.toMatchObject({ code: "not_found" });
});

test("what is kept for delta channels only, since the list began, is no part of the list", async () => {
  const graph = deltaGraph(counted.saver);
  for (let turn = 0; turn < 5; turn += 1) await graph.invoke({ turn }, inThread("listed"));
  let statements = 0;
  const pruning = {
    async many<Row>(statement: Statement<Row>): Promise<Row[]> {
      const { rows } = await replica.pool.query({ text: statement.text, values: statement.values });
      statements += 1;
      if (statements === 1) await counted.saver.prune({ thread_ids: ["listed"], keepLast: 2 });
      return rows as Row[];
    },
  };
  let listed = 0;
  for await (const _ of listTuples(pruning, "default", inThread("listed"))) listed += 1;
  expect(listed).toBe(2);
});
