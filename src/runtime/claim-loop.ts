import type { Log } from "../telemetry/log.ts";

/** What the loop drives. */
export interface ClaimLoopParts {
  /** Looks through the queue and claims what there is room for; true when there may be more. */
  scan(): Promise<boolean>;
  /** Claims the next run of one thread, if it may start now. */
  claim(thread_id: string): Promise<void>;
  hasRoom(): boolean;
  log: Log;
}

/** One claim at a time; a call that comes meanwhile makes it look once more. */
export interface ClaimLoop {
  /** Looks for work soon: on the thread that was just given some, or everywhere. */
  wake(thread_id?: string): void;
  /** Looks no more; resolves when the claim under way has ended. */
  stop(): Promise<void>;
}

/** Makes the loop of one worker. */
export function createClaimLoop({ scan, claim, hasRoom, log }: ClaimLoopParts): ClaimLoop {
  const hinted = new Set<string>();
  let current: Promise<void> | undefined;
  let isScanAsked = false;
  // Only while nothing waits may a thread be taken out of turn: behind a backlog it would overtake.
  let isDrained = false;
  let isStopped = false;

  // Bound: ends when nobody has asked since the last look, or there is no room.
  const look = async () => {
    while (!isStopped && hasRoom()) {
      const [thread_id] = hinted;
      if (thread_id !== undefined) {
        hinted.delete(thread_id);
        await claim(thread_id);
      } else if (isScanAsked) {
        isScanAsked = false;
        isScanAsked = (await scan()) || isScanAsked;
        isDrained = !isScanAsked;
      } else return;
    }
    if (hinted.size === 0) return;
    hinted.clear();
    isScanAsked = true;
    isDrained = false;
  };
  return {
    wake(thread_id) {
      if (thread_id !== undefined && isDrained && !isScanAsked) hinted.add(thread_id);
      else isScanAsked = true;
      if (current !== undefined || isStopped) return;
      current = look()
        .catch((error: unknown) => {
          isDrained = false;
          log.warn({ err: error }, "claim failed; polling goes on");
        })
        .finally(() => {
          current = undefined;
        });
    },
    async stop() {
      isStopped = true;
      await current;
    },
  };
}
