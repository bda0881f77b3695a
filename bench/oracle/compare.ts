import { isFrames } from "./frames.ts";
import { normalised } from "./normalise.ts";
import type { Step } from "./player.ts";

/** A place where the two servers answered differently. */
export interface Difference {
  /** Scenario, step and the path inside its answer. */
  place: string;
  dev: unknown;
  ours: unknown;
}

/** What one server has and the other has not. */
export const ABSENT = "(absent)";

/** Where two plays of one script differ, ids and times aside. */
export function compare(scenario: string, dev: readonly Step[], ours: readonly Step[]): Difference[] {
  const found: Difference[] = [];
  for (const [index, { name, ...ofDev }] of dev.entries()) {
    const { exchanges, result } = ours[index] as Step;
    const place = `${scenario} > ${name}`;
    const wire = differences(place, normalised(ofDev.exchanges), normalised(exchanges));
    // What the client makes of different answers is different, which is no news.
    const isTold = wire.some((difference) => !/^ > .*\.headers\./.test(difference.place.slice(scenario.length)));
    found.push(
      ...wire,
      ...(isTold ? [] : differences(`${place} > client`, normalised(ofDev.result), normalised(result))),
    );
  }
  return found;
}

function differences(place: string, dev: unknown, ours: unknown): Difference[] {
  if (Object.is(dev, ours)) return [];
  if (isFrames(dev) && isFrames(ours)) return frameDifferences(place, dev, ours);
  if (Array.isArray(dev) && Array.isArray(ours)) return arrayDifferences(place, dev, ours);
  if (isObject(dev) && isObject(ours)) {
    // Of answers with different statuses nothing else is worth comparing.
    if ("status" in dev && "body" in dev && dev["status"] !== ours["status"]) {
      const short = ({ status, body }: Record<string, unknown>) => ({ status, body });
      return [{ place: `${place}.status`, dev: short(dev), ours: short(ours) }];
    }
    const keys = [...new Set([...Object.keys(dev), ...Object.keys(ours)])];
    return keys.flatMap((key) =>
      differences(`${place}.${key}`, key in dev ? dev[key] : ABSENT, key in ours ? ours[key] : ABSENT),
    );
  }
  return [{ place, dev, ours }];
}

function arrayDifferences(place: string, dev: readonly unknown[], ours: readonly unknown[]): Difference[] {
  if (dev.length !== ours.length) return [{ place: `${place}.length`, dev, ours }];
  return dev.flatMap((one, index) => differences(`${place}[${index}]`, one, ours[index]));
}

/** Streams are compared event by event only where they tell the same events. */
function frameDifferences(
  place: string,
  dev: readonly { event?: string }[],
  ours: readonly { event?: string }[],
): Difference[] {
  const names = (frames: typeof dev) => frames.map(({ event }) => event);
  const isEnd = ({ event }: { event?: string }) => event === "end";
  // The last frame of ours is told once, as one difference.
  const end = ours.some(isEnd) && !dev.some(isEnd) ? [{ place: `${place}.end`, dev: ABSENT, ours: "event: end" }] : [];
  const told = end.length > 0 ? ours.filter((frame) => !isEnd(frame)) : ours;
  if (JSON.stringify(names(dev)) !== JSON.stringify(names(told))) {
    return [...end, { place: `${place}.events`, dev: names(dev), ours: names(told) }];
  }
  return [
    ...end,
    ...dev.flatMap((frame, index) => differences(`${place}[${index}:${frame.event}]`, frame, told[index])),
  ];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
