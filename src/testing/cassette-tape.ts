import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../policy/canonical-json.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json, JsonObject } from "../protocol/json.ts";

/** Only what is on the tape; everything anew; or what is on the tape, and anew what is not. */
export type CassetteMode = "replay" | "record" | "auto";

/** Who was asked. */
export type TapeKind = "http" | "search" | "sql";

/** One request, and what came of it. */
export interface Recorded {
  kind: TapeKind;
  request: JsonObject;
  response: JsonObject;
}

/** What is recorded, in a file. */
export interface Tape {
  /** What was answered to this, from the tape or by asking. */
  answer(kind: TapeKind, request: JsonObject, ask: (() => Promise<JsonObject>) | undefined): Promise<JsonObject>;
  /** What is on the tape and was not asked for. */
  readonly unused: readonly Recorded[];
}

const VERSION = 1;
const fileSchema = z.object({
  version: z.literal(VERSION),
  recorded: z.array(
    z.object({
      kind: z.enum(["http", "search", "sql"]),
      request: z.record(z.string(), z.json()),
      response: z.record(z.string(), z.json()),
    }),
  ),
});
const SHOWN = 5;
const SHOWN_LENGTH = 300;

/** Opens a tape. Equal requests are answered one after the other as they were recorded, the last one again and again. */
export function openTape(path: string, mode: CassetteMode): Tape {
  const recorded = mode === "record" ? [] : readTape(path, mode);
  const used = new Set<Recorded>();
  const save = (one: Recorded) => {
    recorded.push(one);
    used.add(one);
    mkdirSync(dirname(path), { recursive: true });
    // Whole or not at all, also when the test is stopped.
    writeFileSync(`${path}.new`, `${JSON.stringify({ version: VERSION, recorded }, null, 2)}\n`);
    renameSync(`${path}.new`, path);
    return one.response;
  };
  return {
    get unused() {
      return recorded.filter((one) => !used.has(one));
    },
    async answer(kind, request, ask) {
      const key = canonicalJson(request);
      const known = recorded.filter((one) => one.kind === kind && canonicalJson(one.request) === key);
      const next = mode === "record" ? undefined : (known.find((one) => !used.has(one)) ?? known.at(-1));
      if (next !== undefined) {
        used.add(next);
        return next.response;
      }
      if (mode === "replay") throw unknownRequest(path, kind, request, recorded);
      if (ask === undefined) throw nobodyToAsk(path, kind, request);
      // Through JSON, so that a recording test sees what a replaying one will.
      return save({ kind, request, response: JSON.parse(JSON.stringify(await ask())) as JsonObject });
    },
  };
}

function readTape(path: string, mode: CassetteMode): Recorded[] {
  if (!existsSync(path)) {
    if (mode === "auto") return [];
    throw new HoldpointError(
      "not_found",
      `there is no cassette ${path}; record it once with the mode "record" or "auto"`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new HoldpointError("invalid", `the cassette ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data.recorded as Recorded[];
  throw new HoldpointError("invalid", `${path} is no cassette: ${z.prettifyError(parsed.error)}`);
}

function unknownRequest(path: string, kind: TapeKind, request: Json, recorded: readonly Recorded[]): HoldpointError {
  const same = recorded.filter((one) => one.kind === kind);
  const shown = same.slice(0, SHOWN).map((one) => `\n  ${shortly(one.request)}`);
  const more = same.length > SHOWN ? `\n  and ${same.length - SHOWN} more` : "";
  const known = same.length === 0 ? "nothing of that kind" : `${shown.join("")}${more}`;
  return new HoldpointError(
    "not_found",
    `the cassette ${path} has no answer to this ${kind} request:\n  ${shortly(request)}\nrecorded: ${known}`,
    { facts: { kind, class: "bug" } },
  );
}

function nobodyToAsk(path: string, kind: TapeKind, request: Json): HoldpointError {
  return new HoldpointError(
    "not_found",
    `the cassette ${path} has no answer to this ${kind} request, and was given nobody to ask:\n  ${shortly(request)}`,
    { facts: { kind, class: "bug" } },
  );
}

function shortly(request: Json): string {
  const text = JSON.stringify(request);
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}
