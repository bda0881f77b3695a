import type { RunnableConfig } from "@langchain/core/runnables";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

const long = Array.from({ length: 100 }, (_, index) => `element ${index} of a long list`);
const dict = Object.fromEntries(long.map((element, index) => [`key ${index}`, element]));
const put = (saver: CountedSaver["saver"], config: RunnableConfig, channels: Record<string, unknown>) => {
  const { checkpoint, versions } = checkpointOf(channels);
  return saver.put(config, checkpoint, METADATA, versions);
};
const chainsOf = (thread_id: string) =>
  counted.rows<{ chain: string; chunks: number }>(
    `select chain, count(*)::integer as chunks from holdpoint.checkpoint_chunk where thread_id = $1
     group by chain order by chunks desc`,
    [thread_id],
  );

test.each([
  ["one after the other", false],
  ["at the same time", true],
])("branches that continue one list and one dict %s each read their own", async (name, isAtOnce) => {
  const config = { configurable: { thread_id: name } };
  const root = await put(counted.saver, config, { list: long, dict });
  const values = ["left", "right", "middle"].map((branch) => ({
    list: [...long, branch],
    dict: { ...dict, "key 7": branch },
  }));
  const stored: RunnableConfig[] = [];
  const savers = values.map(() => createSaver({ pool: counted.pool }));
  // As three processes do that go on from there.
  for (const saver of savers) await saver.getTuple(config);
  const branch = async (value: Record<string, unknown>, index: number) => {
    stored[index] = await put(savers[index]!, root, value);
  };
  if (isAtOnce) await Promise.all(values.map(branch));
  else for (const [index, value] of values.entries()) await branch(value, index);
  for (const [index, value] of values.entries()) {
    const read = await createSaver({ pool: counted.pool }).getTuple(stored[index]!);
    expect(read?.checkpoint.channel_values).toEqual(value);
  }
  // Who comes first extends the chains, the others begin their own.
  if (!isAtOnce) expect((await chainsOf(name)).map(({ chunks }) => chunks)).toEqual([2, 2, 1, 1, 1, 1]);
});

test("a saver that goes on from a head it remembers sees what another one has added since", async () => {
  const config = { configurable: { thread_id: "turns" } };
  const savers = [counted.saver, createSaver({ pool: counted.pool })];
  let head: RunnableConfig = config;
  const list = [...long];
  for (let turn = 0; turn < 10; turn += 1) {
    const saver = savers[turn % 2]!;
    const read = (await saver.getTuple(config))?.checkpoint.channel_values["list"];
    expect(read).toEqual(turn === 0 ? undefined : list);
    list.push(`turn ${turn}`);
    head = await put(saver, head, { list });
  }
  expect(await chainsOf("turns")).toMatchObject([{ chunks: 10 }]);
});
