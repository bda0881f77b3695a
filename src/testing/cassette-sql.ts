import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import type pg from "pg";
import { canonicalJson } from "../policy/canonical-json.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
import { HIDDEN, isSecretName, withoutSecrets, withoutTexts } from "./cassette-secrets.ts";
import type { Tape } from "./cassette-tape.ts";

/** The part of a connection that tools use. */
type Queryable = { query(...given: unknown[]): Promise<unknown> };

/**
 * A pool whose answers are on a tape. What a statement gives may depend on those before it, as with a cursor: it is known
 * by itself, its values and all that its connection was sent since it was taken.
 */
export function tapedPool(tape: Tape, name: string, pool: pg.Pool | undefined, secrets: readonly string[]): pg.Pool {
  const connect = async () => {
    // Taken only when something has to be asked that is not on the tape.
    let real: Promise<pg.PoolClient> | undefined;
    const take = async () => {
      real ??= pool?.connect();
      return await (real as Promise<pg.PoolClient>);
    };
    const session = tapedSession({ tape, database: name, secrets, take: pool === undefined ? undefined : take });
    const client = Object.assign(new EventEmitter(), session, {
      release: (error?: Error | boolean) => void real?.then((taken) => taken.release(error)).catch(() => {}),
    });
    return client as unknown as pg.PoolClient;
  };
  const query = async (...given: unknown[]) => {
    const client = (await connect()) as unknown as Queryable & { release(): void };
    try {
      return await client.query(...given);
    } finally {
      client.release();
    }
  };
  return Object.assign(new EventEmitter(), { connect, query, end: async () => {} }) as unknown as pg.Pool;
}

interface Session {
  tape: Tape;
  database: string;
  secrets: readonly string[];
  take: (() => Promise<pg.PoolClient>) | undefined;
}

function tapedSession({ tape, database, secrets, take }: Session): Queryable {
  let before = "";
  const sent: unknown[][] = [];
  let caughtUp = 0;
  return {
    async query(...given) {
      const { text, values = [] } = statementOf(given);
      const request: JsonObject = {
        database,
        text: withoutTexts(text, secrets),
        values: values.map((value) => asJson(value)),
        ...(before === "" ? {} : { after: before }),
      };
      before = createHash("sha256").update(canonicalJson(request)).digest("hex").slice(0, 16);
      sent.push(given);
      const ask = async () => {
        const client = (await take?.()) as unknown as Queryable;
        // A cassette that ends in the middle of a session: the connection is brought to where the session is.
        for (; caughtUp < sent.length - 1; caughtUp += 1) await client.query(...(sent[caughtUp] ?? []));
        caughtUp += 1;
        return await client.query(...given).then((result) => written(result, secrets), failed);
      };
      return readBack(await tape.answer("sql", request, take === undefined ? undefined : ask));
    },
  };
}

function statementOf([first, second]: unknown[]): { text: string; values?: unknown[] } {
  if (typeof first === "string") return { text: first, ...(Array.isArray(second) ? { values: second } : {}) };
  const { text, values } = first as { text: string; values?: unknown[] };
  return { text, values: values ?? (Array.isArray(second) ? second : []) };
}

function written(result: unknown, secrets: readonly string[]): JsonObject {
  // Several statements at once have several results; the last is what callers look at.
  const { rows, fields, rowCount, command } = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult;
  const columns = (fields ?? []).map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
  return {
    command: command ?? "",
    row_count: rowCount ?? null,
    fields: columns,
    rows: (rows ?? []).map((row: unknown) => {
      const shown = withoutSecrets(asJson(row), secrets);
      // A row without names has them in its columns.
      if (!Array.isArray(shown)) return shown;
      return shown.map((value, index) => (value !== null && isSecretName(columns[index]?.name ?? "") ? HIDDEN : value));
    }),
  };
}

function failed(error: Error & Record<string, unknown>): JsonObject {
  const known = ["code", "severity", "schema", "table", "column", "constraint", "position"];
  const facts = known.flatMap((name) => (typeof error[name] === "string" ? [[name, error[name] as string]] : []));
  return { error: { name: error.name, message: error.message, ...Object.fromEntries(facts) } };
}

function readBack(response: JsonObject): unknown {
  const { error, command, row_count, fields, rows } = response as {
    error?: { message: string };
    command: string;
    row_count: number | null;
    fields: { name: string; type: number }[];
    rows: Json[];
  };
  if (error !== undefined) throw Object.assign(new Error(error.message), error);
  return {
    command,
    rowCount: row_count,
    fields: fields.map(({ name, type }) => ({ name, dataTypeID: type })),
    rows: rows.map(fromJson),
  };
}

/** Values as pg gives them that JSON has no form for. */
function asJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value !== "object") return value as Json;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, asJson(item)]));
}

function fromJson(value: Json): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== "object" || value === null) return value;
  const { $bigint, $date, $bytes } = value;
  if (typeof $bigint === "string") return BigInt($bigint);
  if (typeof $date === "string") return new Date($date);
  if (typeof $bytes === "string") return Buffer.from($bytes, "base64");
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromJson(item)]));
}
