import type { StandIn } from "../kit/ports.ts";

/** A call of a tool that was answered by a test. */
export interface StandInCall {
  tool: string;
  args: unknown;
}

/** What is called in the place of tools, and what was. A function is called, an error is thrown, anything else is the result. */
export function createStandIns(tools: Readonly<Record<string, unknown>>): {
  map: ReadonlyMap<string, StandIn>;
  calls: readonly StandInCall[];
} {
  const calls: StandInCall[] = [];
  const entries = Object.entries(tools).map(([tool, given]): [string, StandIn] => [
    tool,
    (args, call) => {
      calls.push({ tool, args });
      if (given instanceof Error) throw given;
      return typeof given === "function" ? (given as StandIn)(args, call) : structuredClone(given);
    },
  ]);
  return { map: new Map(entries), calls };
}
