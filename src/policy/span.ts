const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/** Reads "90s", "30m", "4h", "3d" or "2w" as seconds; undefined where it is none of them. */
export function spanSeconds(text: string): number | undefined {
  const span = /^(\d{1,6})([smhdw])$/.exec(text.trim());
  return span === null ? undefined : Number(span[1]) * UNIT_SECONDS[span[2] as keyof typeof UNIT_SECONDS];
}

/** The same as it is written: in the largest unit that leaves no rest. */
export function spanText(seconds: number): string {
  const units = Object.entries(UNIT_SECONDS).toReversed();
  const [name, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? ["s", 1];
  return `${seconds / size}${name}`;
}
