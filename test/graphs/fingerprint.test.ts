import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { loadGraphs } from "../../src/graphs/load.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder, wordGraph } from "../support/workflow-folder.ts";

const folders: WorkflowFolder[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => folder.drop()));
});

const files = {
  "a.ts": `import { word } from "./a/word.ts";\nimport "./a/later.js";\nvoid word;\n${wordGraph("x", "export default builder;")}`,
  "a/word.ts": 'export { word } from "./deep";',
  "a/deep/index.ts":
    'import { readFileSync } from "node:fs";\nexport const word = readFileSync(new URL("../prompt.md", import.meta.url), "utf8");',
  "a/prompt.md": "Be kind.",
  "a/later.ts": "export {};",
  "a/unrelated.ts": "export {};",
};

async function folderOf(content: Record<string, string>): Promise<WorkflowFolder> {
  const folder = await createWorkflowFolder(content);
  folders.push(folder);
  return folder;
}

async function fingerprintOf(folder: WorkflowFolder): Promise<string> {
  const set = await loadGraphs({ directory: folder.directory, virtualModules });
  expect(set.errors).toEqual([]);
  return set.graphs.get("a")!.fingerprint;
}

describe("a graph's fingerprint", () => {
  test("is the same for the same files in another place", async () => {
    const one = await fingerprintOf(await folderOf(files));
    expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await fingerprintOf(await folderOf(files))).toBe(one);
  });

  test.each(["a.ts", "a/word.ts", "a/deep/index.ts", "a/prompt.md", "a/later.ts"])("changes with %s", async (name) => {
    const before = await fingerprintOf(await folderOf(files));
    const changed = { ...files, [name]: `${files[name as keyof typeof files]}\n// changed` };
    expect(await fingerprintOf(await folderOf(changed))).not.toBe(before);
  });

  test("does not change with a file the graph does not refer to", async () => {
    const folder = await folderOf(files);
    const before = await fingerprintOf(folder);
    await folder.write("a/unrelated.ts", "export const other = 1;");
    await folder.write("b.ts", wordGraph("y", "export default builder;"));
    expect(await fingerprintOf(folder)).toBe(before);
    await rm(join(folder.directory, "a/unrelated.ts"));
    expect(await fingerprintOf(folder)).toBe(before);
  });
});
