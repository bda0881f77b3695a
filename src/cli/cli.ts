import { type Config, readConfig } from "../config.ts";
import { type Api, createApi } from "./api.ts";
import { findServer } from "./connection.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is given. Configuration and connection are read when a command first needs them. */
export interface Cli {
  readonly terminal: Terminal;
  /** How this program is called here, for lines that can be copied. */
  readonly name: string;
  config(): Config;
  api(): Api;
}

/** The tools of the commands, over a terminal. */
export function createCli(terminal: Terminal): Cli {
  let config: Config | undefined;
  let api: Api | undefined;
  const cli: Cli = {
    terminal,
    name: commandName(terminal.env),
    config() {
      config ??= readConfig(terminal.env, terminal.cwd);
      return config;
    },
    api() {
      api ??= createApi(findServer(cli.config()));
      return api;
    },
  };
  return cli;
}

/** In a clone nothing is on the path: what npm or npx started is started by npx again. */
function commandName(env: Terminal["env"]): string {
  return env["npm_command"] === undefined ? "holdpoint" : "npx holdpoint";
}
