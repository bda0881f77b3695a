import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import type { GraphSet } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { readProject } from "../../src/graphs/project/read-project.ts";
import { virtualModules } from "./workflow-folder.ts";

const PACKAGES = resolve(import.meta.dirname, "..", "..", "node_modules");

/** A LangGraph project that a test writes, in a place where no package of ours is found. */
export interface ProjectFolder {
  directory: string;
  write(name: string, content: string | object): Promise<void>;
  load(timeoutMs?: number): Promise<GraphSet>;
  /** Installs a copy of packages in the project's own node_modules. */
  install(...names: string[]): Promise<void>;
}

/** Makes a project of these files; an object is written as JSON. It is gone after the test. */
export async function createProject(files: Record<string, string | object>): Promise<ProjectFolder> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "holdpoint project-")));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const write = async (name: string, content: string | object) => {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), typeof content === "string" ? content : JSON.stringify(content));
  };
  for (const [name, content] of Object.entries(files)) await write(name, content);
  return {
    directory,
    write,
    load: (timeoutMs = 10_000) =>
      loadGraphs({ directory, virtualModules, timeoutMs, project: () => readProject(directory, new Set()) }),
    async install(...names) {
      for (const name of names) {
        // Types and maps are most of a package.
        const filter = (path: string) => !/\.(map|d\.c?ts)$/.test(path);
        await cp(join(PACKAGES, name), join(directory, "node_modules", name), { recursive: true, filter });
      }
      // What they import themselves, so that nothing but the host keeps the copies from being loaded.
      for (const name of await readdir(PACKAGES)) {
        if (name.startsWith(".")) continue;
        await symlink(join(PACKAGES, name), join(directory, "node_modules", name)).catch((error: Error) => {
          if (!error.message.includes("EEXIST")) throw error;
        });
      }
    },
  };
}
