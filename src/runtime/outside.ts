import { memoryOutside, type OutsidePorts } from "../kit/outside.ts";
import type { RunnerParts } from "./runner.ts";

/** What the tools of a run reach the world through. */
export function outsideOf({ network, search }: RunnerParts): OutsidePorts {
  return memoryOutside({ ...(network === undefined ? {} : { network }), search });
}
