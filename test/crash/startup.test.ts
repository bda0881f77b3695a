import { expect, it } from "vitest";
import { openOwnPostgres } from "../support/own-postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const WAITS = "does not answer yet";

/** Starts a server whose Postgres is away; gives it as soon as it has said that it waits. */
async function waiting(databaseUrl: string): Promise<{ server: Server; starting: Promise<unknown> }> {
  let server: Server | undefined;
  const starting = startServer({ databaseUrl, command: "serve", onSpawn: (spawned) => (server = spawned) });
  // Whoever stops it while it waits is told so by its exit.
  starting.catch(() => {});
  await until("it says that it waits", () => server?.log().includes(WAITS));
  return { server: server as Server, starting };
}

it("a start waits for a Postgres that is still starting, says so once, and goes on when it is there", async () => {
  const postgres = await openOwnPostgres();
  try {
    await postgres.stop("fast");
    const { server, starting } = await waiting(postgres.database.url);
    await postgres.start();
    await starting;
    expect(server.log().split(WAITS)).toHaveLength(2);
    expect(server.log()).toContain("the database answers");
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await postgres.end();
  }
}, 120_000);

it("Ctrl-C ends the waiting at once, without a word of an error", async () => {
  const postgres = await openOwnPostgres();
  await postgres.end();
  const { server } = await waiting(postgres.database.url);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.log()).not.toMatch(/error|holdpoint:/i);
}, 120_000);
