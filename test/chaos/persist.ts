import { setTimeout as pause } from "node:timers/promises";

const AGAIN_MS = 100;

/** Asks again until there is an answer, as a client does whose server comes and goes. Bound: the deadline, or a refusal. */
export async function persist<Result>(what: string, attempt: () => Promise<Result>, deadline: number): Promise<Result> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (isRefusal(error) || Date.now() > deadline) throw new Error(`${what}: ${describe(error)}`, { cause: error });
      await pause(AGAIN_MS);
    }
  }
}

/** An answer that says that it will not be otherwise next time. */
function isRefusal(error: unknown): boolean {
  const { status } = error as { status?: number };
  return status !== undefined && status >= 400 && status < 500 && status !== 429;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
