import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as holdpoint from "../../src/index.ts";
import * as testing from "../../src/testing.ts";

/** What graph files see as `holdpoint` and its subpaths: the host's own modules. */
export const virtualModules = { holdpoint, "holdpoint/testing": testing };

/** A folder of workflow files that a test writes to. */
export interface WorkflowFolder {
  /** The folder to load; its parent holds whatever lies beside it. */
  directory: string;
  write(name: string, content: string | Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  drop(): Promise<void>;
}

/** Makes a `workflows` folder in a temporary place. */
export async function createWorkflowFolder(files: Record<string, string | Uint8Array> = {}): Promise<WorkflowFolder> {
  const root = await mkdtemp(join(tmpdir(), "holdpoint workflows-"));
  const directory = join(root, "workflows");
  await mkdir(directory);
  const write = async (name: string, content: string | Uint8Array) => {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  };
  for (const [name, content] of Object.entries(files)) await write(name, content);
  return {
    directory,
    write,
    remove: (name) => rm(join(directory, name), { recursive: true }),
    drop: () => rm(root, { recursive: true, force: true }),
  };
}

/** The source of a graph file whose one node appends a word. */
export function wordGraph(word: string, exports: string): string {
  return `
import { END, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { z } from "zod";
const State = new StateSchema({ text: z.string().default("") });
const builder = new StateGraph(State)
  .addNode("say", async (state: typeof State.State) => ({ text: state.text + ${JSON.stringify(word)} }))
  .addEdge(START, "say")
  .addEdge("say", END);
${exports}
`;
}
