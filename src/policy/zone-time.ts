/** A moment as the clocks of a place show it, as if it were UTC: the difference is that place's offset. */
export interface Zone {
  /** How far the clocks are ahead of UTC at a moment. */
  offsetMs(at: number): number;
}

const MINUTE_MS = 60_000;

/** The time zone of an IANA name; undefined when there is none of that name. */
export function openZone(name: string): Zone | undefined {
  // Offsets such as +02:00 are taken by newer engines only, and know no daylight saving.
  if (!/^[A-Za-z]/.test(name)) return undefined;
  const format = formatOf(name);
  if (format === undefined) return undefined;
  return {
    offsetMs(at) {
      const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
      const parts = Object.fromEntries(format.formatToParts(minute).map(({ type, value }) => [type, Number(value)]));
      const { year, month, day, hour, minute: shown } = parts as Record<string, number>;
      const local = Date.UTC(year as number, (month as number) - 1, day, hour, shown);
      return local - minute;
    },
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
  } catch {
    return undefined;
  }
}

/** The moments at which the clocks show a time: two where they are put back, and none where they skip it. */
export function momentsOf(zone: Zone, local: number, offsets: readonly number[]): number[] {
  const moments = offsets.map((offset) => local - offset).filter((at) => at + zone.offsetMs(at) === local);
  return [...new Set(moments)].sort((a, b) => a - b);
}

/** The moment at which the clocks jump over a time that they never show. */
export function jumpOver(zone: Zone, local: number, offsets: readonly number[]): number {
  let before = local - Math.max(...offsets);
  let after = local - Math.min(...offsets);
  // Bound: halves what is left until it is one minute.
  while (after - before > MINUTE_MS) {
    const middle = before + Math.floor((after - before) / 2 / MINUTE_MS) * MINUTE_MS;
    if (middle + zone.offsetMs(middle) > local) after = middle;
    else before = middle;
  }
  return after;
}
