import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type Diary, type Supervised, supervise } from "./supervised.ts";

/** The workers and the api process. Whatever is killed is started again, as a supervisor would. */
export interface Fleet {
  /** Where the api answers whenever it is up. */
  url: string;
  /** How many were killed so far. */
  counts: { kills: number; apiKills: number };
  /** kill -9 of a worker that is up and not spared; there is one where it `stands`. */
  killWorker(chance: number): void;
  /** kill -9 of the api; false when it is not up. */
  killApi(): boolean;
  /** The workers that are up, not spared, and have said who they are. */
  known(): Known[];
  /** Whether the api answers and this many workers are up that are not spared. */
  stands(workers: number): boolean;
  /** How many executions a worker stopped because it found their lease lost: zombies that had noticed. */
  zombies(): number;
  /** The ends of their logs. */
  lastWords(): string[];
  /** SIGTERM to all; whoever did not end well. */
  stop(): Promise<string[]>;
}

/** A worker and the id that the database knows it by. */
export interface Known {
  worker_id: string;
  /** SIGSTOP; until `release` it is not killed either. */
  freeze(): Frozen;
}

/** A worker that is stopped. */
export interface Frozen {
  /** SIGCONT. */
  goOn(): void;
  /** How many executions it has stopped, since it was frozen, because it found their lease lost. */
  zombies(): number;
  /** It may be killed again; it goes on if it has not yet. */
  release(): void;
}

/** How the processes are started. */
export interface FleetOptions {
  databaseUrl: string;
  workers: number;
  leaseMs: number;
  worldUrl: string;
  diary: Diary;
}

// Few, so that those of one worker have come somewhere before it is killed.
const SLOTS = 4;
const LAST_WORDS = 3_000;
const LOST = '"reason":"lease_lost"';

/** Starts one api process and the workers; they are up when it `stands`. */
export async function openFleet({ databaseUrl, workers, leaseMs, worldUrl, diary }: FleetOptions): Promise<Fleet> {
  const port = await freePort();
  const common = { databaseUrl, workflows: "test/chaos/workflows" };
  const env = { HOLDPOINT_LEASE_MS: String(leaseMs), CHAOS_WORLD_URL: worldUrl };
  const api = supervise("the api", { ...common, command: "serve", env: { ...env, PORT: String(port) } }, diary);
  const working = { ...env, HOLDPOINT_WORKER_SLOTS: String(SLOTS), LOG_LEVEL: "info" };
  const crew = Array.from({ length: workers }, (_, index) =>
    supervise(`worker ${index + 1}`, { ...common, command: "work", env: working }, diary),
  );
  const spared = new Set<Supervised>();
  const up = () => crew.filter((worker) => worker.isUp() && !spared.has(worker));
  const counts = { kills: 0, apiKills: 0 };
  return {
    url: `http://127.0.0.1:${port}`,
    counts,
    killWorker(chance) {
      const candidates = up();
      const victim = candidates[chance % Math.max(1, candidates.length)];
      if (victim === undefined) return;
      counts.kills += 1;
      victim.kill();
    },
    killApi() {
      if (!api.isUp()) return false;
      counts.apiKills += 1;
      api.kill();
      return true;
    },
    known: () =>
      up().flatMap((worker) => {
        const worker_id = /"worker_id":"([-0-9a-f]+)"/.exec(worker.log())?.[1];
        return worker_id === undefined ? [] : [{ worker_id, freeze: () => freeze(worker, spared) }];
      }),
    stands: (least) => api.isUp() && up().length >= least,
    zombies: () =>
      crew.flatMap((worker) => [...worker.past, worker.log()]).reduce((sum, log) => sum + times(log, LOST), 0),
    lastWords: () => [api, ...crew].map((one) => `${one.name}: … ${one.log().slice(-LAST_WORDS)}`),
    async stop() {
      const exits = await Promise.all([api, ...crew].map(async (one) => ({ name: one.name, exit: await one.stop() })));
      const bad = exits.filter(({ exit }) => exit?.code !== 0);
      return bad.map(({ name, exit }) => `${name} ended with ${exit?.signal ?? exit?.code} when it was told to stop`);
    },
  };
}

function freeze(worker: Supervised, spared: Set<Supervised>): Frozen {
  const before = times(worker.log(), LOST);
  spared.add(worker);
  let thaw: (() => void) | undefined = worker.freeze();
  const goOn = () => {
    thaw?.();
    thaw = undefined;
  };
  return {
    goOn,
    zombies: () => times(worker.log(), LOST) - before,
    release() {
      goOn();
      spared.delete(worker);
    },
  };
}

const times = (text: string, words: string): number => text.split(words).length - 1;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
