import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../config.ts";
import { CommandError, usageError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";

/** Which server a command talks to, and as whom. */
export interface Connection {
  url: string;
  apiKey: string | undefined;
  /** Where the address is from, for the line that says it does not answer. */
  source: string;
}

const serverFile = z.looseObject({ url: z.string().refine((url) => /^https?:\/\//.test(url) && URL.canParse(url)) });
const LOOPBACK = /^(127(\.\d+){3}|localhost|\[::1\])$/;

/** Finds the server: HOLDPOINT_SERVER_URL and HOLDPOINT_API_KEY win over what the server left in its folder. */
export function findServer(config: Pick<Config, "serverUrl" | "apiKey" | "dataDir">): Connection {
  const path = join(config.dataDir, "server.json");
  const url = config.serverUrl ?? readServerFile(path);
  if (url === undefined) {
    throw new CommandError(
      EXIT.failed,
      `no server is running here (there is no ${path}): start one with "npm start", or set HOLDPOINT_SERVER_URL`,
    );
  }
  // The key of this installation is for its own server, on this machine; another address must not get to see it.
  const isOwn = LOOPBACK.test(new URL(url).hostname);
  return {
    url: url.replace(/\/+$/, ""),
    apiKey: config.apiKey ?? (isOwn ? readKeyFile(join(config.dataDir, "cli.key")) : undefined),
    source: config.serverUrl === undefined ? path : "HOLDPOINT_SERVER_URL",
  };
}

function readServerFile(path: string): string | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return serverFile.parse(JSON.parse(text)).url;
  } catch (cause) {
    throw usageError(`${path} is damaged: start the server again with "npm start", which writes it anew`, cause);
  }
}

function readKeyFile(path: string): string | undefined {
  const key = readIfThere(path)?.trim();
  if (key === undefined || key === "") return undefined;
  if (!/^[\x21-\x7e]+$/.test(key)) throw usageError(`${path} holds no key: delete it and start the server again`);
  return key;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw usageError(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
