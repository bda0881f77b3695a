import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { importPackage } from "./packages.ts";

// LangGraph's own development server in a process of its own: dev-server.ts <langgraph.json> <folder>. It says where it listens.

/** What is used here of a package that is not installed where types are checked. */
interface DevServer {
  startServer(options: Record<string, unknown>): Promise<{ host: string; cleanup(): Promise<void> }>;
}

// What its command line starts with.
const WORKERS = 10;

const [file = "", cwd = ""] = process.argv.slice(2);
const { graphs } = JSON.parse(await readFile(file, "utf8")) as { graphs: Record<string, string> };
const folder = dirname(resolve(file));
const absolute = Object.entries(graphs).map(([id, path]) => [id, join(folder, path)]);
const { startServer } = await importPackage<DevServer>("@langchain/langgraph-api/server");
const { host } = await startServer({
  port: 0,
  host: "127.0.0.1",
  nWorkers: WORKERS,
  graphs: Object.fromEntries(absolute),
  // It keeps what it remembers there.
  cwd,
});
console.log(`listening on http://${host}`);
