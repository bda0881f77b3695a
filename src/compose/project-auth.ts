import type { Config } from "../config.ts";
import { importExport } from "../graphs/import-file.ts";
import { type ProjectAuth, projectAuth } from "../http/auth/project-auth.ts";
import { loadOptions } from "./load-options.ts";

/**
 * Loads the Auth of what is served; undefined where none is named. Throws `configuration_invalid` for one that cannot be
 * loaded or asked: a server that was meant to ask who somebody is never starts without.
 */
export async function openAuth(config: Config): Promise<ProjectAuth | undefined> {
  if (config.authExport === undefined) return undefined;
  const { reference, directory } = config.authExport;
  const { virtualModules, cacheDirectory } = loadOptions(config);
  const options = { directory, virtualModules, ...(cacheDirectory === undefined ? {} : { cacheDirectory }) };
  return projectAuth(await importExport(reference, options), reference);
}
