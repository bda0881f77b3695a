import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation";
import * as vitest from "vitest";
import { HoldpointSaver } from "../../src/checkpointer.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

// The official suite expects the test functions to be global.
const { describe, it, expect, beforeAll, afterAll, beforeEach, afterEach } = vitest;
Object.assign(globalThis, { describe, it, test: it, expect, beforeAll, afterAll, beforeEach, afterEach });

let database: TestDatabase;

const initializer = {
  checkpointerName: "HoldpointSaver",
  async beforeAll() {
    database = await createTestDatabase();
  },
  async afterAll() {
    await database.drop();
  },
  async createCheckpointer() {
    const saver = HoldpointSaver.fromConnString(database.url, { max: 4 });
    await saver.setup();
    return saver;
  },
  async destroyCheckpointer(saver: HoldpointSaver) {
    for await (const { config } of saver.list({})) await saver.deleteThread(config.configurable?.["thread_id"]);
    await saver.end();
  },
};

validate(initializer);
deltaChannelHistoryTests(initializer);
