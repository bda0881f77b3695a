import { existsSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createJiti, type JitiOptions, type ModuleCache } from "jiti";
import type { ImportOptions } from "../import-file.ts";
import { DEFAULT_TIMEOUT_MS, withTimeout } from "../timeout.ts";
import { followProject, HOST_LIBRARY, HOST_SUBSTITUTE, importHost } from "./host-library.ts";

/** The files of a project, loaded together: what two of them import is there once. */
export interface ProjectModules {
  /** The exports of a file, which is loaded once. */
  load(path: string): Promise<Record<string, unknown>>;
}

/** Opens a project's files as they are now; another call later sees them as they are then. */
export function openModules(directory: string, options: ImportOptions): ProjectModules {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const entry = entryOf(directory);
  const virtualModules = hostModules(entry, options, resolver(directory));
  const jiti = createJiti(entry, {
    ...loaderOptions(directory),
    fsCache: options.cacheDirectory ?? false,
    jsx: { runtime: "automatic" },
    virtualModules,
  });
  followProject(directory);
  let loader: Promise<ProjectModules> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const cache: ModuleCache = {};
  const modules: ProjectModules = {
    load(path) {
      // One after the other: they share what they import, and nobody may see half of a file that another is loading.
      const loading = turn.then(() => loadOne(path));
      turn = loading.catch(() => undefined);
      return loading;
    },
  };
  const loadOne = async (path: string) => {
    // Whatever this one file imports, and they import, shares the cache that is given to it.
    loader ??= Promise.resolve(
      jiti.evalModule("export const load = (path) => import(path);", {
        filename: entry,
        ext: ".mts",
        cache,
        async: true,
        forceTranspile: true,
      }),
    ) as Promise<ProjectModules>;
    const { load } = await loader;
    const message = `was not loaded within ${timeoutMs} ms; a top-level await may never end`;
    try {
      return await withTimeout(load(path), timeoutMs, message);
    } catch (error) {
      // Whoever imports half of a file that has failed hears why, too.
      for (const [name, module] of Object.entries(cache)) if (!module.loaded) delete cache[name];
      throw error;
    }
  };
  newest.set(directory, modules);
  return modules;
}

const newest = new Map<string, ProjectModules>();

/** The files of a project as they were last loaded, so that what is loaded later shares their state. */
export function modulesOf(directory: string, options: ImportOptions): ProjectModules {
  return newest.get(directory) ?? openModules(directory, options);
}

/** Finds the files of a project that names stand for which are no relative paths, such as the aliases of its tsconfig. */
export function ownFiles(directory: string): (name: string, from: string) => string | undefined {
  const resolve = resolver(directory);
  return (name, from) => {
    const found = resolve(name, from);
    if (found === undefined || !found.startsWith(directory + sep)) return undefined;
    return found.slice(directory.length).includes(`${sep}node_modules${sep}`) ? undefined : found;
  };
}

type Resolve = (name: string, from: string) => string | undefined;

function resolver(directory: string): Resolve {
  const jiti = createJiti(entryOf(directory), { ...loaderOptions(directory), fsCache: false });
  return (name, from) => {
    try {
      const found = jiti.esmResolve(name, { parentURL: pathToFileURL(from).href, try: true });
      return found?.startsWith("file:") ? fileURLToPath(found) : found;
    } catch {
      return undefined;
    }
  };
}

// There is no such file; paths and packages are looked for from where it would be.
const entryOf = (directory: string) => join(directory, "_project.mts");

function loaderOptions(directory: string): JitiOptions {
  return { moduleCache: false, interopDefault: false, ...tsconfigOf(directory) };
}

/** The tsconfig that editors take for the project's files: the nearest one. */
function tsconfigOf(directory: string): JitiOptions {
  for (let folder = directory; ; folder = dirname(folder)) {
    const path = join(folder, "tsconfig.json");
    if (existsSync(path)) return { tsconfigPaths: path };
    if (folder === dirname(folder)) return {};
  }
}

/** The host's modules by name; looked into by the loader for every name that a file imports. */
function hostModules(entry: string, { virtualModules }: ImportOptions, resolve: Resolve): Record<string, unknown> {
  const isHosts = (name: string) =>
    Object.hasOwn(virtualModules, name) ||
    HOST_LIBRARY.test(name) ||
    (HOST_SUBSTITUTE.test(name) && resolve(name, entry) === undefined);
  return new Proxy(
    {},
    {
      has: (_target, name) => typeof name === "string" && isHosts(name),
      get: (_target, name) => {
        if (typeof name !== "string") return undefined;
        return Object.hasOwn(virtualModules, name) ? virtualModules[name] : importHost(name);
      },
    },
  );
}
