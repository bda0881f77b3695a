import { type Exit, type Server, type ServerOptions, startServer } from "../support/server.ts";

/** What happened, in order, for whoever reads a failure. */
export interface Diary {
  note(what: string): void;
  /** What no act explains: a process that ended by itself, or did not start although Postgres was there. */
  surprise(what: string): void;
  /** How often Postgres went or came back so far, and whether it is away now. */
  outages(): { count: number; isDown: boolean };
}

/** A process that is started again whenever it ends. */
export interface Supervised {
  readonly name: string;
  /** Up, not frozen, and not just being killed. */
  isUp(): boolean;
  /** What the present process wrote. */
  log(): string;
  /** What those before it wrote. */
  past: string[];
  kill(): void;
  /** SIGSTOP; gives what lets it go on. */
  freeze(): () => void;
  /** SIGTERM, and started no more. */
  stop(): Promise<Exit | undefined>;
}

/** Starts a process and keeps it going. */
export function supervise(name: string, options: ServerOptions, diary: Diary): Supervised {
  let server: Server | undefined;
  let state: "starting" | "up" | "frozen" | "killed" | "stopping" = "starting";
  const past: string[] = [];

  const start = async (after: Server | undefined): Promise<Server | undefined> => {
    // Bound: until it has started, or is told to stop.
    while (state !== "stopping") {
      const before = diary.outages();
      try {
        return await startServer({ ...options, shared: true, ...(after === undefined ? {} : { after }) });
      } catch (error) {
        // It waits for Postgres, and not for ever.
        const now = diary.outages();
        const isExplained = before.isDown || now.isDown || now.count > before.count;
        diary[isExplained ? "note" : "surprise"](`${name} did not start: ${(error as Error).message}`);
      }
    }
    return undefined;
  };
  const run = async (after?: Server): Promise<void> => {
    const started = await start(after);
    if (started === undefined) return;
    server = started;
    state = "up";
    diary.note(`${name} is up`);
    const { code, signal } = await started.exited;
    past.push(started.log());
    server = undefined;
    if ((state as string) === "stopping") return;
    if ((state as string) !== "killed")
      diary.surprise(`${name} ended by itself with ${signal ?? code}:\n${started.log().slice(-2000)}`);
    state = "starting";
    await run(started);
  };
  void run();

  return {
    name,
    past,
    isUp: () => state === "up",
    log: () => server?.log() ?? "",
    kill() {
      diary.note(`kill -9 of ${name}`);
      state = "killed";
      void server?.kill9();
    },
    freeze() {
      diary.note(`${name} is frozen`);
      const frozen = server;
      state = "frozen";
      frozen?.freeze();
      return () => {
        diary.note(`${name} goes on`);
        frozen?.thaw();
        if (server === frozen) state = "up";
      };
    },
    async stop() {
      state = "stopping";
      return await server?.stop();
    },
  };
}
