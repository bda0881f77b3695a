import { afterEach, describe, expect, test } from "vitest";
import { formatLoadError, type GraphSet } from "../../src/graphs/graph-set.ts";
import { readProject } from "../../src/graphs/project/read-project.ts";
import { type GraphWatch, watchGraphs } from "../../src/graphs/watch.ts";
import { createProject, type ProjectFolder } from "../support/project-folder.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder, wordGraph } from "../support/workflow-folder.ts";

let folder: WorkflowFolder | undefined;
let watched: GraphWatch;
let notify: (() => void)[] = [];

afterEach(async () => {
  watched.close();
  notify = [];
  await folder?.drop();
  folder = undefined;
});

async function start(files: Record<string, string>): Promise<void> {
  folder = await createWorkflowFolder(files);
  watched = await watchGraphs({
    directory: folder.directory,
    virtualModules,
    debounceMs: 20,
    onChange: () => {
      for (const wake of notify.splice(0)) wake();
    },
  });
}

/** A project whose graph says a word that it gets by an alias. */
async function startProject(): Promise<ProjectFolder> {
  const project = await createProject({
    "langgraph.json": { graphs: { a: "./src/a.ts:graph" } },
    "tsconfig.json": { compilerOptions: { baseUrl: ".", paths: { "~/*": ["./lib/*"] } } },
    "src/a.ts": `import { word } from "~/word";\n${wordGraph("", "export const graph = builder;").replace('state.text + ""', "word")}`,
    "src/b.ts": wordGraph("b", "export default builder;"),
    "lib/word.ts": 'export const word = "old";',
  });
  watched = await watchGraphs({
    directory: project.directory,
    project: () => readProject(project.directory, new Set()),
    virtualModules,
    debounceMs: 20,
    onChange: () => {
      for (const wake of notify.splice(0)) wake();
    },
  });
  return project;
}

/** Waits for the set to become as wanted, however many reloads that takes. */
async function until(wanted: (set: GraphSet) => boolean | Promise<boolean>): Promise<GraphSet> {
  for (;;) {
    const changed = new Promise<void>((resolve) => notify.push(resolve));
    if (await wanted(watched.current())) return watched.current();
    await changed;
  }
}

async function said(set: GraphSet, id: string): Promise<string | undefined> {
  const graph = await set.graphs.get(id)?.build({});
  return graph && ((await graph.invoke({ text: "" })) as { text: string }).text;
}

describe("watching a folder of graphs", () => {
  test("an edited file is loaded again, and so is a graph whose helper was edited", async () => {
    const source = `import { word } from "../shared/word.ts";\n${wordGraph("", "export default builder;").replace('state.text + ""', "word")}`;
    await start({
      "a.ts": wordGraph("one", "export default builder;"),
      "b.ts": source,
      "../shared/word.ts": 'export const word = "old";',
    });
    const fingerprint = watched.current().graphs.get("a")!.fingerprint;
    expect(await said(watched.current(), "a")).toBe("one");
    expect(await said(watched.current(), "b")).toBe("old");

    await folder!.write("a.ts", wordGraph("two", "export default builder;"));
    const set = await until(async (now) => (await said(now, "a")) === "two");
    expect(set.graphs.get("a")!.fingerprint).not.toBe(fingerprint);

    await folder!.write("../shared/word.ts", 'export const word = "new";');
    await until(async (now) => (await said(now, "b")) === "new");
  });

  test("a file that broke goes on with its last good version and says so, until it is mended", async () => {
    await start({
      "a.ts": wordGraph("one", "export default builder;"),
      "b.ts": wordGraph("b", "export default builder;"),
    });
    await folder!.write("a.ts", "const x = ;");
    const broken = await until((set) => set.errors.length > 0);
    expect(broken.errors.map(formatLoadError)[0]).toMatch(
      /^workflows\/a\.ts:1: syntax error: .*; the last good version of a goes on$/,
    );
    expect(await said(broken, "a")).toBe("one");
    expect(await said(broken, "b")).toBe("b");

    await folder!.write("a.ts", wordGraph("two", "export default builder;"));
    const mended = await until((set) => set.errors.length === 0);
    expect(await said(mended, "a")).toBe("two");
  });

  test("a new file appears and a deleted one goes", async () => {
    await start({ "a.ts": wordGraph("one", "export default builder;") });
    await folder!.write("c.ts", wordGraph("c", "export default builder;"));
    await until((set) => set.graphs.has("c"));
    await folder!.remove("a.ts");
    const set = await until((now) => !now.graphs.has("a"));
    expect([...set.graphs.keys()]).toEqual(["c"]);
    expect(set.errors).toEqual([]);
  });

  test("a file that takes another's id does not take its place", async () => {
    await start({ "a.ts": wordGraph("one", "export default builder;") });
    await folder!.write("b.ts", wordGraph("two", 'export default builder.compile({ name: "a" });'));
    const set = await until((now) => now.errors.length > 0);
    expect(await said(set, "a")).toBe("one");
    expect(set.errors.map(formatLoadError).join("\n")).toMatch(
      /workflows\/a\.ts \(export default\) and workflows\/b\.ts/,
    );
  });
});

describe("watching a project", () => {
  test("an edited alias is loaded again, and so is what its file names; a broken one lets the last good graphs go on", async () => {
    const project = await startProject();
    expect(await said(watched.current(), "a")).toBe("old");
    await project.write("lib/word.ts", 'export const word = "new";');
    await until(async (now) => (await said(now, "a")) === "new");

    await project.write("langgraph.json", "{");
    const broken = await until((now) => now.errors.length > 0);
    expect(broken.errors[0]).toMatchObject({ path: "langgraph.json" });
    expect(await said(broken, "a")).toBe("new");

    await project.write("langgraph.json", JSON.stringify({ graphs: { b: "./src/b.ts" } }));
    const set = await until((now) => now.graphs.has("b"));
    expect([...set.graphs.keys()]).toEqual(["b"]);
  });
});
