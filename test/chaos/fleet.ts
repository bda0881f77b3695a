import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type Diary, type Supervised, supervise } from "./supervised.ts";

/** The workers and the api process. Whatever is killed is started again, as a supervisor would. */
export interface Fleet {
  /** Where the api answers whenever it is up. */
  url: string;
  /** What was done so far. */
  counts: { kills: number; apiKills: number; freezes: number };
  /** kill -9 of a worker that is up and at work, if there is one. */
  killWorker(chance: number): void;
  /** SIGSTOP of such a worker; gives what lets it go on. */
  freezeWorker(chance: number): () => void;
  killApi(): void;
  /** Whether the api answers and this many workers are up. */
  stands(workers: number): boolean;
  /**
   * Whether a worker has ended a few runs since it started. On a slow machine one that is killed as soon as it is up
   * gets nothing done, and a run that is lost again and again with nothing done is given up as poison, rightly.
   */
  works(): boolean;
  /** How many executions a worker stopped because it found their lease lost: zombies that had noticed. */
  zombies(): number;
  /** SIGTERM to all; whoever did not end well. */
  stop(): Promise<string[]>;
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
const ENDED = '"run ended"';
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
  const up = () => crew.filter((worker) => worker.isUp());
  const atWork = () => up().filter((worker) => times(worker.log(), ENDED) >= SLOTS);
  const pick = (chance: number): Supervised | undefined => {
    const candidates = atWork().length > 0 ? atWork() : up();
    return candidates[chance % Math.max(1, candidates.length)];
  };
  const counts = { kills: 0, apiKills: 0, freezes: 0 };
  return {
    url: `http://127.0.0.1:${port}`,
    counts,
    killWorker(chance) {
      const victim = pick(chance);
      if (victim === undefined) return;
      counts.kills += 1;
      victim.kill();
    },
    freezeWorker(chance) {
      const victim = pick(chance);
      if (victim === undefined) return () => {};
      counts.freezes += 1;
      return victim.freeze();
    },
    killApi() {
      if (!api.isUp()) return;
      counts.apiKills += 1;
      api.kill();
    },
    stands: (least) => api.isUp() && up().length >= least,
    works: () => atWork().length > 0,
    zombies: () =>
      crew.flatMap((worker) => [...worker.past, worker.log()]).reduce((sum, log) => sum + times(log, LOST), 0),
    async stop() {
      const exits = await Promise.all([api, ...crew].map(async (one) => ({ name: one.name, exit: await one.stop() })));
      const bad = exits.filter(({ exit }) => exit?.code !== 0);
      return bad.map(({ name, exit }) => `${name} ended with ${exit?.signal ?? exit?.code} when it was told to stop`);
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
