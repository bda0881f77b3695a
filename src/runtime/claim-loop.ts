import type { Log } from "../telemetry/log.ts";

/** One claim at a time; a call that comes meanwhile makes it look once more. */
export interface ClaimLoop {
  /** Looks for work soon. */
  wake(): void;
  /** Looks no more; resolves when the claim under way has ended. */
  stop(): Promise<void>;
}

/** Makes a loop over `claim`, which claims as many runs as there are free slots and says whether there may be more. */
export function createClaimLoop(claim: () => Promise<boolean>, log: Log): ClaimLoop {
  let current: Promise<void> | undefined;
  let isAsked = false;
  let isStopped = false;

  // Bound: ends when nobody has asked since the last look, and `claim` found less than it had room for.
  const look = async () => {
    while (isAsked && !isStopped) {
      isAsked = false;
      if (await claim()) isAsked = true;
    }
  };
  const wake = () => {
    isAsked = true;
    if (current !== undefined || isStopped) return;
    current = look()
      .catch((error: unknown) => log.warn({ err: error }, "claim failed; polling goes on"))
      .finally(() => {
        current = undefined;
      });
  };
  return {
    wake,
    async stop() {
      isStopped = true;
      await current;
    },
  };
}
