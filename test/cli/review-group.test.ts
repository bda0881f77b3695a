import { afterAll, beforeAll, expect, test } from "vitest";
import { keyFor } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { command, type Ended } from "./holdpoint.ts";

let database: TestDatabase;
let server: Server;
let ben: string;
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url, workflows: "test/fixtures/cli-review", shared: true });
  ben = await keyFor(server.url, "ben");
});
afterAll(async () => {
  const exit = await server?.stop();
  await database?.drop();
  expect(exit).toEqual({ code: 0, signal: null });
});

const env = (key?: string): Record<string, string> => ({
  HOLDPOINT_DATA_DIR: server.dataDir,
  ...(key === undefined ? {} : { HOLDPOINT_API_KEY: key }),
});
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const show = async (id: string) => JSON.parse((await cli("review", "show", id, "--json")).stdout);

/** Two questions of one pause. */
async function asked(): Promise<{ group_id: string; ids: [string, string] }> {
  const { reviews } = JSON.parse((await cli("run", "review-both", "--json")).stdout);
  expect(reviews).toHaveLength(2);
  const ids = reviews.map(({ id }: { id: string }) => id);
  return { group_id: (await show(ids[0])).group_id, ids };
}

test("a group is shown whole, asked about once, and approved together by exactly what was printed", async () => {
  const { group_id, ids } = await asked();
  expect(await cli("review", "approve", group_id)).toMatchObject({ code: 5, stderr: expect.stringContaining("--yes") });
  const declined = await command(["review", "approve", group_id], { env: env(), answers: ["n"] });
  expect(declined).toMatchObject({ code: 1, stdout: expect.stringContaining("Approve all 2? [y/N] n") });
  for (const id of ids) expect(await show(id)).toMatchObject({ status: "open" });
  const approved = await command(["review", "approve", group_id.slice(0, 13), "-m", "both are right"], {
    env: env(),
    answers: ["y"],
  });
  expect(approved).toMatchObject({ code: 0, stderr: "" });
  for (const [at, id] of ids.entries()) {
    expect(approved.stdout).toMatch(new RegExp(`[12] of 2: review ${id.slice(0, 7)}`));
    expect(approved.stdout).toMatch(new RegExp(`approved: review ${id.slice(0, 7)}`));
    expect(await show(id), String(at)).toMatchObject({ decision: { comment: "both are right" } });
  }
  expect(approved.stdout.match(/for the blue lamp/g)).toHaveLength(2);
  expect(approved.stdout).toMatch(/run [0-9a-f]+ carries them out: /);
  // The same once more is the same decision; the contrary, and somebody else's, is told whose it is.
  expect((await cli("review", "approve", group_id, "--yes")).stdout).toContain("you had decided so before");
  expect(await cli("review", "reject", group_id, "-m", "no", "--yes")).toMatchObject({ code: 3, stdout: "" });
  expect(await command(["review", "approve", group_id, "--yes"], { env: env(ben) })).toMatchObject({ code: 3 });
});

test("a group is rejected together, and what is left of it where one was answered before", async () => {
  const { group_id, ids } = await asked();
  expect(await cli("review", "approve", ids[0], "--yes")).toMatchObject({ code: 0 });
  const rejected = await cli("review", "reject", group_id, "-m", "too late", "--yes", "--json");
  expect(rejected.code).toBe(0);
  expect(rejected.stderr).toContain("1 of 1: review");
  const { reviews, run_id } = JSON.parse(rejected.stdout);
  expect(run_id).toBeTruthy();
  expect(reviews.map(({ id, outcome }: { id: string; outcome: string }) => [id, outcome]).toSorted()).toEqual(
    [
      [ids[0], "approved"],
      [ids[1], "rejected"],
    ].toSorted(),
  );
});

test("what a group cannot be decided with ends before anything is sent", async () => {
  const { group_id, ids } = await asked();
  const wrong: [string[], number, string][] = [
    [["approve", group_id, "--action", "0"], 2, "about the actions of one review"],
    [["reject", group_id, "-m", "no", "--rest", "approve"], 2, "about the actions of one review"],
    [["reject", group_id], 2, "say why"],
    [["reject", group_id, "--reason", "no_such"], 5, "none of this review's reasons"],
    [["edit", group_id, "--set", "amount=1", "--yes"], 1, "not found"],
    [["approve", "00000000-0000-4000-8000-000000000000", "--yes"], 1, "there is no review"],
    [["approve", "zzzz", "--yes"], 2, "is not the id"],
    [["approve", "\u001b[2J", "--yes"], 2, "\\x1b[2J"],
  ];
  for (const [args, code, words] of wrong) {
    const ended = await cli("review", ...args);
    expect([args, ended.code, ended.stdout]).toEqual([args, code, ""]);
    expect(ended.stderr).toContain(words);
  }
  for (const id of ids) expect(await show(id)).toMatchObject({ status: "open", version: 1 });
});
