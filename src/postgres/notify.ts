import pg from "pg";
import { PATIENT_CONNECTION } from "./pool.ts";
import { areYouThere } from "./silence.sql.ts";
import { createSilenceWatch } from "./silence.ts";

/** `runs`: something is queued, cancelled or finished. `events`: something can be shown. */
export type Channel = "runs" | "events";

const CHANNELS: readonly Channel[] = ["runs", "events"];

/** The wake-ups of one process: a hint that it may be worth looking, never a message. Polling always backs it. */
export interface Wakeups {
  /** Says, after a commit, that there is something to see; `thread_id` narrows it for waiters of this process. */
  wake(channel: Channel, thread_id?: string): void;
  /** Calls back at every wake-up; returns how to stop. */
  subscribe(channel: Channel, listener: (thread_id: string | undefined) => void): () => void;
  close(): Promise<void>;
}

/** How to reach the database for LISTEN: a direct address, because a transaction pooler accepts LISTEN and delivers nothing. */
export interface WakeupOptions {
  url: string;
  /** How often the connection is tried out while nothing is said on it; default 10 s. */
  tryMs?: number;
  /** How long it may be silent then before somebody asks whether it is dead; default 5 s. */
  silentMs?: number;
  onStateChange?: (listening: boolean, error?: Error) => void;
}

// One notify per process at most this often: a NOTIFY holds a database-wide lock while its transaction commits.
const COALESCE_MS = 2;
const RECONNECT_MS = 1_000;
const SELF_TEST_MS = 2_000;
// Who only listens does not notice that nobody can reach it any more.
const TRY_MS = 10_000;

const NOTHING_ARRIVES =
  "notifications do not arrive at this address, as behind a pooler in transaction mode: set HOLDPOINT_DATABASE_DIRECT_URL to one past it";

async function notifyFromElsewhere(config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(config);
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("notify holdpoint_runs");
  } finally {
    await client.end();
  }
}

/** Starts listening; a lost connection is opened again until `close`. */
export function openWakeups(options: WakeupOptions): Wakeups {
  const listeners: Record<Channel, Set<(thread_id: string | undefined) => void>> = {
    runs: new Set(),
    events: new Set(),
  };
  const pending = new Set<Channel>();
  let timer: NodeJS.Timeout | undefined;
  let isPlanned = false;
  let reconnect: NodeJS.Timeout | undefined;
  let client: pg.Client | undefined;
  let ready = false;
  let isSending = false;
  let sentAt = Number.NEGATIVE_INFINITY;
  // Until it is clear whether anything arrives nothing else is sent: behind a pooler it could come back to its sender.
  let isTesting = false;
  let closed = false;
  const config = { connectionString: options.url, application_name: "holdpoint:listen", ...PATIENT_CONNECTION };
  const watchSilence = createSilenceWatch(config, options.silentMs);

  const deliver = (channel: Channel, thread_id: string | undefined) => {
    for (const listener of listeners[channel]) listener(thread_id);
  };
  const setReady = (value: boolean, error?: Error) => {
    if (ready !== value || error !== undefined) options.onStateChange?.(value, error);
    ready = value;
  };
  const lose = (lost: pg.Client, error?: Error) => {
    if (client !== lost) return;
    client = undefined;
    setReady(false, error);
    lost.end().catch(() => {});
    if (!closed) reconnect = setTimeout(connect, RECONNECT_MS).unref();
  };
  const connect = async () => {
    const candidate = new pg.Client(config);
    client = candidate;
    isTesting = true;
    candidate.on("error", (error) => lose(candidate, error));
    candidate.on("end", () => lose(candidate));
    try {
      await candidate.connect();
      watchSilence(candidate);
      const backend = await candidate.query<{ pid: number }>("select pg_backend_pid() as pid");
      const ownPid = backend.rows[0]?.pid;
      let selfTest: (() => void) | undefined;
      candidate.on("notification", (message) => {
        selfTest?.();
        // Our own wake-ups were delivered in this process at once, with the thread they are about.
        if (message.processId !== ownPid) deliver(message.channel.replace("holdpoint_", "") as Channel, undefined);
      });
      for (const channel of CHANNELS) await candidate.query(`listen holdpoint_${channel}`);
      const arrived = new Promise<boolean>((resolve) => {
        selfTest = () => resolve(true);
        setTimeout(resolve, SELF_TEST_MS, false).unref();
      });
      // A pooler has numbers of its own, and hands a notification to whoever has its connection just then, such as the
      // sender: there only one that was sent from elsewhere proves something.
      const isPooled = ownPid !== (candidate as pg.Client & { processID: number | null }).processID;
      await (isPooled ? notifyFromElsewhere(config) : candidate.query("notify holdpoint_runs"));
      const hasArrived = await arrived;
      setReady(hasArrived, hasArrived ? undefined : new Error(NOTHING_ARRIVES));
    } catch (error) {
      lose(candidate, error as Error);
    } finally {
      isTesting = false;
      void flush();
    }
  };
  const sendSoon = () => {
    if (isPlanned) return;
    isPlanned = true;
    const waitMs = sentAt + COALESCE_MS - performance.now();
    // After a silence it goes at the end of this turn: somebody idle waits for it.
    if (waitMs <= 0) setImmediate(() => void flush());
    else timer = setTimeout(() => void flush(), waitMs);
  };
  // One notify at a time; what is asked for meanwhile goes with the next, and that is not sent at once either.
  const flush = async () => {
    isPlanned = false;
    if (isSending || isTesting || pending.size === 0) return;
    isSending = true;
    sentAt = performance.now();
    const statements = [...pending].map((channel) => `notify holdpoint_${channel}`);
    pending.clear();
    // A wake-up that is lost is made good by polling.
    await client?.query(statements.join("; ")).catch(() => {});
    isSending = false;
    if (pending.size > 0 && !closed) sendSoon();
  };

  void connect();
  const tryOut = async () => {
    if (!ready || isSending) return;
    isSending = true;
    await client?.query(areYouThere().text).catch(() => {});
    isSending = false;
    await flush();
  };
  const tries = setInterval(() => void tryOut(), options.tryMs ?? TRY_MS).unref();
  return {
    wake(channel, thread_id) {
      queueMicrotask(() => deliver(channel, thread_id));
      pending.add(channel);
      sendSoon();
    },
    subscribe(channel, listener) {
      listeners[channel].add(listener);
      return () => listeners[channel].delete(listener);
    },
    async close() {
      closed = true;
      clearInterval(tries);
      clearTimeout(reconnect);
      clearTimeout(timer);
      await flush();
      const last = client;
      client = undefined;
      await last?.end().catch(() => {});
    },
  };
}
