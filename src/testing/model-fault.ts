import { HoldpointError } from "../protocol/errors.ts";
import { type CheckedStep, checkStep } from "./model-step.ts";

/** What goes wrong, and at which requests. */
export interface ModelFault {
  step: CheckedStep;
  /** At every so many requests. */
  every: number;
  /** At the first so many only. */
  first: number;
}

const KINDS = "a status such as 429 or 500, cut, hang, malformed or slow";
const SETTINGS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  every: [1, 1_000_000],
  first: [1, 1_000_000],
  retry_after: [0, 86_400],
  after: [0, 1_000_000],
  ms: [0, 3_600_000],
};

/** Reads a fault as it is written on a command line: `429:every=3,retry_after=2`, `cut:after=2`, `slow:ms=3000`, `hang:first=1`. */
export function readFault(written: string): ModelFault {
  const [kind = "", rest] = written.split(/:(.*)/s, 2);
  const settings = new Map<string, number>();
  for (const part of rest === undefined ? [] : rest.split(",")) {
    const [name = "", value = ""] = part.split(/=(.*)/s, 2);
    const range = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    if (range === undefined)
      throw invalid(written, `has ${JSON.stringify(part)}; give ${Object.keys(SETTINGS).join(", ")}`);
    const number = value.trim() === "" ? Number.NaN : Number(value);
    if (!Number.isInteger(number) || number < range[0] || number > range[1])
      throw invalid(written, `has ${name}=${value}; give a whole number from ${range[0]} to ${range[1]}`);
    settings.set(name, number);
  }
  return {
    step: checkStep(stepOf(kind, settings, written), ""),
    every: settings.get("every") ?? 1,
    first: settings.get("first") ?? Number.POSITIVE_INFINITY,
  };
}

/** Whether a fault strikes at the request of this number, counted from 1. */
export function strikes({ every, first }: ModelFault, request: number): boolean {
  return request <= first && request % every === 0;
}

function stepOf(kind: string, settings: ReadonlyMap<string, number>, written: string): object {
  const wait = settings.get("retry_after");
  if (wait !== undefined && !/^\d+$/.test(kind))
    throw invalid(written, "has retry_after, which goes with a status only");
  if (kind === "hang") return { hang: true };
  if (kind === "cut") return { cut: settings.get("after") ?? 1 };
  if (kind === "malformed") return { malformed: "body" };
  if (kind === "slow") return { slow: { first_byte_ms: settings.get("ms") ?? 5_000 } };
  if (!/^[45]\d\d$/.test(kind)) throw invalid(written, `begins with ${JSON.stringify(kind)}; begin with ${KINDS}`);
  return { status: Number(kind), ...(wait === undefined ? {} : { headers: { "retry-after": String(wait) } }) };
}

const invalid = (written: string, what: string) =>
  new HoldpointError("invalid", `the fault ${JSON.stringify(written.slice(0, 100))} ${what}`);
