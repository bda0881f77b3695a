import type { Socket } from "node:net";
import pg from "pg";
import { busyBackends } from "./silence.sql.ts";

/**
 * How long a statement goes without a byte before Postgres is asked, over another connection, whether it works on it;
 * the question may take as long.
 */
const SILENT_MS = 5_000;
/** Asked twice: an answer may be on its way while the first question is. */
const DOUBTS = 2;
/** Where nobody can tell (behind a pooler) the end comes when the kernel too gives up on what it cannot deliver. */
const PATIENCE_MS = 900_000;

/** The parts of pg's Client that say whether it waits, for whom, and on which socket. */
interface WatchedClient {
  readonly readyForQuery: boolean;
  readonly processID: number | null;
  readonly connection: { readonly stream: Socket };
}

type Standing = "working" | "not working" | "unknown";

/**
 * Makes a watch over the connections of one configuration. A connection can be dead without anybody saying so: a
 * firewall forgot it, a proxy hangs, a cable is out. A time-out alone would also end statements that wait for a lock
 * as they should, so a silent connection is ended only when Postgres cannot be asked, or says that it is not at work.
 */
export function createSilenceWatch(config: pg.ClientConfig, silentMs = SILENT_MS): (client: pg.ClientBase) => void {
  let asking: Promise<(pid: number | null) => Standing> | undefined;
  const standingOf = async (pid: number | null) => {
    asking ??= askPostgres(config, silentMs).finally(() => {
      asking = undefined;
    });
    return (await asking)(pid);
  };
  return (client) => {
    // A client of somebody else's making, such as one over libpq, keeps its socket to itself.
    const watched = client as unknown as Partial<WatchedClient>;
    if (watched.connection !== undefined) watch(watched as WatchedClient, silentMs, standingOf);
  };
}

function watch(client: WatchedClient, silentMs: number, standingOf: (pid: number | null) => Promise<Standing>): void {
  const { stream } = client.connection;
  let heard = -1;
  let silentSince = 0;
  let doubts = 0;
  let isAsking = false;
  const onSilence = async () => {
    // Nothing was asked, so nothing has to be answered; the next statement starts the clock again.
    if (client.readyForQuery || isAsking) return;
    if (stream.bytesRead !== heard) {
      heard = stream.bytesRead;
      silentSince = performance.now();
      doubts = 0;
    }
    isAsking = true;
    const standing = await standingOf(client.processID);
    isAsking = false;
    if (stream.destroyed) return;
    stream.setTimeout(silentMs);
    if (client.readyForQuery || stream.bytesRead !== heard) return;
    doubts = standing === "not working" ? doubts + 1 : 0;
    const silentForMs = performance.now() - silentSince + silentMs;
    if (doubts < DOUBTS && (standing !== "unknown" || silentForMs < PATIENCE_MS)) return;
    const seconds = Math.round(silentForMs / 1000);
    stream.destroy(new Error(`no answer for ${seconds} s, and none is to be expected any more`));
  };
  stream.on("timeout", () => void onSilence());
  stream.setTimeout(silentMs);
}

/** Never rejects: that nobody can be asked is an answer too. */
async function askPostgres(config: pg.ClientConfig, limitMs: number): Promise<(pid: number | null) => Standing> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: limitMs, query_timeout: limitMs });
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    const standing = isOutOfReach(error) ? "not working" : "unknown";
    return () => standing;
  }
  try {
    const { text } = busyBackends();
    const { rows } = await client.query<{ own_pid: number; working: number[]; receiving: number[] }>(text);
    const { own_pid, working, receiving } = rows[0] as (typeof rows)[number];
    // A pooler gives its clients numbers of its own.
    if (own_pid !== (client as unknown as WatchedClient).processID) return () => "unknown";
    return (pid) => {
      if (pid !== null && working.includes(pid)) return "working";
      return pid !== null && receiving.includes(pid) ? "unknown" : "not working";
    };
  } catch {
    return () => "unknown";
  } finally {
    // Not awaited: it may be as dead as the one it was asked about.
    client.end().catch(() => {});
  }
}

/** True when nothing answers at that address. A server that refuses us is there, and may well be at work. */
function isOutOfReach(error: unknown): boolean {
  if (error instanceof pg.DatabaseError || !(error instanceof Error)) return false;
  const isOwnTrouble = "code" in error && /^(EMFILE|ENFILE|ENOTFOUND|EAI_AGAIN)$/.test(String(error.code));
  return !isOwnTrouble;
}
