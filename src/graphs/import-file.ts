import { isAbsolute, resolve } from "node:path";
import * as langgraph from "@langchain/langgraph";
import { createJiti } from "jiti";
import * as zod from "zod";
import { HoldpointError } from "../protocol/errors.ts";
import { oneLine } from "./load-error.ts";
import { modulesOf } from "./project/modules.ts";
import { parseReference } from "./reference.ts";
import { DEFAULT_TIMEOUT_MS, withTimeout } from "./timeout.ts";

/** What a file of the user's sees of the host, and how long it may take. */
export interface ImportOptions {
  /** Modules by the name that the files import them by: `holdpoint` and its subpaths, the host's own instances. */
  virtualModules: Readonly<Record<string, unknown>>;
  /** How long one file may take to load; 10 seconds unless given. */
  timeoutMs?: number;
  /** Where transformed sources are kept between starts; nowhere unless given. */
  cacheDirectory?: string;
}

/** Imports one file as it is now, with what it imports. Whatever it throws is thrown on. */
export async function importFile(path: string, options: ImportOptions): Promise<Record<string, unknown>> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  // A loader per file, without its cache: each load sees the files as they are now. The library is handed in like
  // `holdpoint` itself, so that a graph is of the host's classes wherever the workflow's own copy may be installed.
  const jiti = createJiti(path, {
    moduleCache: false,
    interopDefault: false,
    fsCache: options.cacheDirectory ?? false,
    virtualModules: { "@langchain/langgraph": langgraph, zod, ...options.virtualModules },
  });
  const message = `was not loaded within ${timeoutMs} ms; a top-level await may never end`;
  return withTimeout(jiti.import<Record<string, unknown>>(path), timeoutMs, message);
}

/**
 * Imports one export of a file, written like `./auth.ts:auth` and relative to `directory`; a promise is waited for. What it
 * imports it shares with the graphs of a project that is in that folder.
 * Throws `configuration_invalid`, which names the file and why.
 */
export async function importExport(
  reference: string,
  { directory, ...options }: ImportOptions & { directory: string },
): Promise<unknown> {
  const { file, export_name } = parseReference(reference);
  const path = isAbsolute(file) ? file : resolve(directory, file);
  const refuse = (why: string, cause?: unknown) => {
    return new HoldpointError("configuration_invalid", `cannot load ${oneLine(reference)}: ${why}`, {
      facts: { path, export_name },
      ...(cause === undefined ? {} : { cause }),
    });
  };
  const failed = (cause: unknown) =>
    refuse(oneLine(cause instanceof Error ? cause.message : `it threw ${String(cause)}`), cause);
  const module = await modulesOf(directory, options)
    .load(path)
    .catch((cause: unknown) => {
      throw failed(cause);
    });
  if (!(export_name in module)) {
    const names = Object.keys(module).slice(0, 20).map(oneLine).join(", ");
    throw refuse(`the file has no export ${export_name}; it exports ${names === "" ? "nothing" : names}`);
  }
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const message = `its export ${export_name} is a promise that was still pending after ${timeoutMs} ms`;
  const value = Promise.resolve().then(() => module[export_name]);
  return await withTimeout(value, timeoutMs, message).catch((cause: unknown) => {
    throw failed(cause);
  });
}
