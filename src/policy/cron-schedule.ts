/** A schedule of five fields, as the sets of what they allow. */
export interface CronSchedule {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 is Sunday. */
  weekdays: ReadonlySet<number>;
  /** With both restricted, either is enough, as cron has always had it. */
  eitherDay: boolean;
}

interface Field {
  name: string;
  from: number;
  to: number;
  words: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: readonly Field[] = [
  { name: "minute", from: 0, to: 59, words: [] },
  { name: "hour", from: 0, to: 23, words: [] },
  { name: "day of the month", from: 1, to: 31, words: [] },
  { name: "month", from: 1, to: 12, words: ["", ...MONTHS] },
  // Sunday is 0 and 7.
  { name: "day of the week", from: 0, to: 7, words: WEEKDAYS },
];
const LONGEST_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Reads a schedule, or says what is wrong with it. */
export function parseCron(text: string): CronSchedule | { wrong: string } {
  const parts = text.trim().split(/\s+/);
  if (text.length > 500 || parts.length !== FIELDS.length) {
    return { wrong: "must have five fields: minute, hour, day of the month, month, day of the week" };
  }
  const sets: Set<number>[] = [];
  for (const [index, field] of FIELDS.entries()) {
    const set = parseField(parts[index] as string, field);
    if (set === undefined) {
      return { wrong: `has "${(parts[index] as string).slice(0, 50)}" as its ${field.name}; ${allowed(field)}` };
    }
    sets.push(set);
  }
  const [minutes, hours, days, months, given] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  const weekdays = new Set([...given].map((day) => day % 7));
  const eitherDay = isRestricted(parts[2] as string) && isRestricted(parts[4] as string);
  const schedule = { minutes, hours, days, months, weekdays, eitherDay };
  return canEverBe(schedule) ? schedule : { wrong: "names a day that no month of it has" };
}

/** True on a day of the calendar that the schedule names; `month` counts from 1. */
export function isScheduledDay(
  { days, months, weekdays, eitherDay }: CronSchedule,
  { month, day, weekday }: { month: number; day: number; weekday: number },
): boolean {
  if (!months.has(month)) return false;
  return eitherDay ? days.has(day) || weekdays.has(weekday) : days.has(day) && weekdays.has(weekday);
}

const isRestricted = (part: string) => !part.startsWith("*");

function canEverBe({ days, months, eitherDay }: CronSchedule): boolean {
  if (eitherDay) return true;
  return [...months].some((month) => [...days].some((day) => day <= (LONGEST_DAYS[month - 1] as number)));
}

function parseField(text: string, field: Field): Set<number> | undefined {
  const values = new Set<number>();
  for (const item of text.toLowerCase().split(",")) {
    const [range = "", step, ...rest] = item.split("/");
    const every = step === undefined ? 1 : /^\d{1,2}$/.test(step) ? Number(step) : 0;
    const bounds = boundsOf(range, field, step !== undefined);
    if (every === 0 || rest.length > 0 || bounds === undefined) return undefined;
    for (let value = bounds[0]; value <= bounds[1]; value += every) values.add(value);
  }
  return values;
}

function boundsOf(text: string, field: Field, hasStep: boolean): [number, number] | undefined {
  // Every weekday is seven of them, not eight.
  if (text === "*") return [field.from, field.name === "day of the week" ? 6 : field.to];
  const [first = "", last, ...rest] = text.split("-");
  const from = numberOf(first, field);
  const to = last === undefined ? (hasStep ? field.to : from) : numberOf(last, field);
  if (from === undefined || to === undefined || rest.length > 0 || from > to) return undefined;
  return [from, to];
}

function numberOf(text: string, { from, to, words }: Field): number | undefined {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : text === "" ? -1 : words.indexOf(text);
  return value >= from && value <= to ? value : undefined;
}

function allowed({ from, to, words }: Field): string {
  const named = words.length === 0 ? "" : `, names such as ${words.at(-1)}`;
  return `allowed are ${from} to ${to}${named}, lists, ranges, steps, and *`;
}
