import { afterEach, describe, expect, test } from "vitest";
import type { LoadedGraph } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder, wordGraph } from "../support/workflow-folder.ts";

const folders: WorkflowFolder[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => folder.drop()));
});

const files = {
  "a.ts": `import { word } from "./a/word.ts";\nvoid word;\n${wordGraph("x", "export default builder;")}`,
  "a/word.ts": 'export const word: string = `kept // is text`;\nexport const here = import.meta.url + "./prompt.md";',
  "a/prompt.md": "Be kind.",
};

async function graphOf(content: Record<string, string>): Promise<LoadedGraph> {
  const folder = await createWorkflowFolder(content);
  folders.push(folder);
  const set = await loadGraphs({ directory: folder.directory, virtualModules });
  expect(set.errors).toEqual([]);
  return set.graphs.get("a")!;
}

const digestOf = async (changed: Record<string, string>) => (await graphOf({ ...files, ...changed })).code().digest;

describe("the digest of a graph's code", () => {
  test("is the same in another place, and with other comments, spaces and types", async () => {
    const before = await digestOf({});
    expect(before).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await digestOf({})).toBe(before);
    const said = `// Said otherwise.\n/** Twice. */\n${files["a.ts"].replaceAll("\n", "\n\n").replace("void word;", "void   word; // why")}`;
    expect(await digestOf({ "a.ts": said })).toBe(before);
    expect(await digestOf({ "a/word.ts": files["a/word.ts"].replace("string", "'a' | string") })).toBe(before);
  });

  test.each<[string, Record<string, string>]>([
    ["a statement", { "a.ts": `${files["a.ts"]}\nvoid 1;` }],
    ["a value in a file it imports", { "a/word.ts": files["a/word.ts"].replace("kept", "lost") }],
    ["what looks like a comment and is text", { "a/word.ts": files["a/word.ts"].replace("// is text", "") }],
    ["a space in text", { "a/word.ts": files["a/word.ts"].replace("kept //", "kept  //") }],
    ["a file that is not code", { "a/prompt.md": "Be kind. " }],
  ])("changes with %s", async (_what, changed) => {
    expect(await digestOf(changed)).not.toBe(await digestOf({}));
  });

  test.each<[string, string, boolean]>([
    [
      "an interrupt()",
      'import { interrupt } from "@langchain/langgraph";\nexport const ask = () => interrupt("?");',
      true,
    ],
    ["a breakpoint", 'export const options = { interruptBefore: ["say"] };', true],
    ["review()", 'import { review } from "holdpoint";\nexport const ask = review;', false],
    ["a comment about interrupt()", "// as interrupt() does\nexport const word = 1;", false],
  ])("tells whether its files pause by %s", async (_what, code, isPlain) => {
    const graph = await graphOf({
      "a.ts": `import "./a/ask.ts";\n${wordGraph("x", "export default builder;")}`,
      "a/ask.ts": code,
    });
    expect(graph.code().pausesPlainly).toBe(isPlain);
  });
});
