import { registerHooks } from "node:module";
import { sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The library that the host executes graphs with. Whoever imports it gets the host's copy, wherever it may be installed
 * too: a question that was asked with the class of another copy would be an ordinary error.
 */
export const HOST_LIBRARY = /^@langchain\/(langgraph|langgraph-checkpoint|core)(\/.+)?$/;

/** What a project usually has itself, and gets of the host where it does not. */
export const HOST_SUBSTITUTE = /^(zod|hono|@langchain\/langgraph-sdk)(\/.+)?$/;

/** Imports a module of the host by its name. */
export const importHost = (name: string): Promise<unknown> => import(name);

const HOST = import.meta.url;
// The host's own files, which may lie in a project's folder and are there once.
const HOST_FILES = new URL("../../", HOST).href;
const MARK = "holdpoint";
// How often each project was loaded, by the folder its files are in.
const loads = new Map<string, number>();
let isHooked = false;

/**
 * From here on the project's own JavaScript is read anew, and what its packages import of the library is the host's.
 * TypeScript goes another way, through the loader that compiles it.
 */
export function followProject(directory: string): void {
  const folder = directory + sep;
  loads.set(folder, (loads.get(folder) ?? 0) + 1);
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (HOST_LIBRARY.test(specifier)) return next(specifier, { ...context, parentURL: HOST });
      if (HOST_SUBSTITUTE.test(specifier)) {
        try {
          return next(specifier, context);
        } catch {
          return next(specifier, { ...context, parentURL: HOST });
        }
      }
      const found = next(specifier, context);
      return loads.size === 0 ? found : { ...found, url: dated(found.url) };
    },
  });
}

/** A file of a project under the name it has for this load, so that it is not the one of the last load. */
function dated(url: string): string {
  const isLeft = url.includes("?") || /\/node_modules\/|\.(cjs|json|node|wasm)$/.test(url);
  if (!url.startsWith("file:") || isLeft || url.startsWith(HOST_FILES)) return url;
  const path = fileURLToPath(url);
  for (const [folder, count] of loads) {
    if (path.startsWith(folder)) return `${pathToFileURL(path).href}?${MARK}=${count}`;
  }
  return url;
}
