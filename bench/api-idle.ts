import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { DevProcess } from "./dev-process.ts";
import type { HttpClient } from "./http-client.ts";
import type { BenchServer } from "./server.ts";
import type { CountingPostgres } from "./statements.ts";
import type { Row } from "./table.ts";

const AT_ONCE = 16;
const SETTLE_MS = 3_000;
const PAGE_BYTES = 4_096;
const MEGABYTE = 1_048_576;

/** Who is asked, and what is looked at. */
interface IdleScene {
  server: BenchServer;
  dev: DevProcess;
  ours: HttpClient;
  theirs: HttpClient;
  postgres: CountingPostgres;
  quick: boolean;
}

/** What streams cost on which nothing happens: half of them follow runs that wait for their time, half threads. */
export async function measureIdle({ server, dev, ours, theirs, postgres, quick }: IdleScene): Promise<Row[]> {
  const streams = quick ? 200 : 1_000;
  const forMs = quick ? 3_000 : 10_000;
  const own = await prepare(ours, streams);
  const other = await prepare(theirs, streams, false);
  await pause(SETTLE_MS);
  const alone = await statementsIn(postgres, forMs);
  const [ownBefore, otherBefore] = [residentBytes(server.pid), residentBytes(dev.pid)];
  const open = await openAll(ours, own);
  await pause(SETTLE_MS);
  const followed = await statementsIn(postgres, forMs);
  const ownMegabytes = (residentBytes(server.pid) - ownBefore) / MEGABYTE;
  const openThere = await openAll(theirs, other);
  await pause(SETTLE_MS);
  const otherMegabytes = (residentBytes(dev.pid) - otherBefore) / MEGABYTE;
  for (const response of [...open, ...openThere]) response.destroy();
  const seconds = forMs / 1000;
  const more = (followed - alone) / seconds;
  const what = `${streams.toLocaleString("en")} idle streams`;
  return [
    { what: `${what}: memory`, figure: `${ownMegabytes.toFixed(0)} MB`, expected: "≤ 60 MB" },
    { what: `${what}: memory of the dev server`, figure: `${otherMegabytes.toFixed(0)} MB`, expected: "" },
    {
      what: `${what}: statements a second, all of them together`,
      figure: more.toFixed(1),
      expected: "not one for each",
    },
    { what: "statements a second of two idle workers", figure: (alone / seconds).toFixed(1), expected: "" },
  ];
}

/** The addresses of streams on which nothing will happen; the development server has none of threads. */
async function prepare(client: HttpClient, streams: number, hasThreadStreams = true): Promise<string[]> {
  const paths: string[] = [];
  let begun = 0;
  const line = async () => {
    while (begun < streams) {
      const isThread = hasThreadStreams && begun % 2 === 1;
      begun += 1;
      const { thread_id } = await client.post<{ thread_id: string }>("/threads", {});
      if (isThread) {
        paths.push(`/threads/${thread_id}/stream`);
        continue;
      }
      const body = { assistant_id: "four", input: { text: "", count: 0 }, after_seconds: 36_000 };
      const { run_id } = await client.post<{ run_id: string }>(`/threads/${thread_id}/runs`, body);
      paths.push(`/threads/${thread_id}/runs/${run_id}/stream`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  return paths;
}

async function openAll(client: HttpClient, paths: readonly string[]): Promise<IncomingMessage[]> {
  return await Promise.all(
    paths.map(async (path) => {
      const response = await client.open("GET", path);
      // It is cut in the end.
      response.on("error", () => {});
      return response.resume();
    }),
  );
}

async function statementsIn(postgres: CountingPostgres, forMs: number): Promise<number> {
  await postgres.statements();
  await pause(forMs);
  return await postgres.statements();
}

function residentBytes(pid: number | undefined): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return Number(pages) * PAGE_BYTES;
}
