import { describe, expect, test } from "vitest";
import { nextOccurrence } from "../../src/policy/cron-next.ts";
import { type CronSchedule, parseCron } from "../../src/policy/cron-schedule.ts";
import { openZone, type Zone } from "../../src/policy/zone-time.ts";
import { fc } from "../support/properties.ts";

const MINUTE_MS = 60_000;

function schedule(text: string): CronSchedule {
  const parsed = parseCron(text);
  if ("wrong" in parsed) throw new Error(`${text}: ${parsed.wrong}`);
  return parsed;
}

function zone(name: string): Zone {
  const opened = openZone(name);
  if (opened === undefined) throw new Error(`no zone ${name}`);
  return opened;
}

/** The next `count` moments after `from`, in UTC to the minute. */
function moments(text: string, zoneName: string, from: string, count: number): string[] {
  const found: string[] = [];
  let at = Date.parse(from);
  for (let number = 0; number < count; number += 1) {
    const next = nextOccurrence(schedule(text), zone(zoneName), at);
    if (next === null) break;
    found.push(new Date(next).toISOString().slice(0, 16));
    at = next;
  }
  return found;
}

describe("a schedule", () => {
  test.each([
    ["*/20 * * * *", "2026-03-01T00:00Z", ["2026-03-01T00:20", "2026-03-01T00:40", "2026-03-01T01:00"]],
    ["5/20 0 * * *", "2026-03-01T00:00Z", ["2026-03-01T00:05", "2026-03-01T00:25", "2026-03-01T00:45"]],
    ["0 9-17/4 * * mon-fri", "2026-03-06T12:00Z", ["2026-03-06T13:00", "2026-03-06T17:00", "2026-03-09T09:00"]],
    ["0 0 * * 7", "2026-03-01T00:00Z", ["2026-03-08T00:00", "2026-03-15T00:00", "2026-03-22T00:00"]],
    ["0 0 29 2 *", "2026-03-01T00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]],
    ["0 0 29 FEB *", "2096-03-01T00:00Z", ["2104-02-29T00:00"]],
    ["0 0 31 * *", "2026-03-31T00:00Z", ["2026-05-31T00:00", "2026-07-31T00:00"]],
    // With both days restricted either is enough.
    ["0 0 13 * FRI", "2026-02-01T00:00Z", ["2026-02-06T00:00", "2026-02-13T00:00", "2026-02-20T00:00"]],
    ["0 0 */2 * FRI", "2026-02-01T00:00Z", ["2026-02-13T00:00", "2026-02-27T00:00"]],
    ["59 23 31 12 *", "2026-12-31T23:59Z", ["2027-12-31T23:59"]],
  ])("%s after %s", (text, from, expected) => {
    expect(moments(text, "UTC", from, expected.length)).toEqual(expected);
  });

  test.each([
    "",
    "* * * *",
    "* * * * * *",
    "@daily",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * * 8",
    "*/0 * * * *",
    "5-1 * * * *",
    "1,,2 * * * *",
    "-1 * * * *",
    "1- * * * *",
    "1/2/3 * * * *",
    "1-2-3 * * * *",
    "jan * * * *",
    "* * * mon *",
    "1e1 * * * *",
    "0 0 30 2 *",
    "0 0 31 4,6,9,11 *",
    `${"1,".repeat(400)}1 * * * *`,
  ])("%j is none", (text) => {
    expect(parseCron(text)).toEqual({ wrong: expect.any(String) });
  });

  test("that is wrong says which field, and what is allowed there", () => {
    expect(parseCron("0 25 * * *")).toEqual({
      wrong: 'has "25" as its hour; allowed are 0 to 23, lists, ranges, steps, and *',
    });
  });

  test("of any text is read or refused, never half of it", () => {
    const item = fc.constantFrom("*", "0", "59", "1-5", "*/7", "1/3", "mon", "DEC", "x", "", "-", ",", "/", "99");
    fc.assert(
      fc.property(fc.array(item, { minLength: 4, maxLength: 6 }), (items) => {
        const parsed = parseCron(items.join(" "));
        if ("wrong" in parsed) return;
        for (const set of [parsed.minutes, parsed.hours, parsed.days, parsed.months, parsed.weekdays]) {
          expect(set.size).toBeGreaterThan(0);
        }
        expect(Math.max(...parsed.weekdays)).toBeLessThan(7);
      }),
    );
  });
});

describe("where the clocks change", () => {
  test("a time that is skipped comes at the jump, once", () => {
    // 2026-03-29, 02:00 → 03:00 in Berlin.
    expect(moments("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", 3)).toEqual([
      "2026-03-28T01:30",
      "2026-03-29T01:00",
      "2026-03-30T00:30",
    ]);
    expect(moments("*/15 2 * * *", "Europe/Berlin", "2026-03-28T23:00Z", 2)).toEqual([
      "2026-03-29T01:00",
      "2026-03-30T00:00",
    ]);
  });

  test("a time that is shown twice comes the first time only", () => {
    // 2026-10-25, 03:00 → 02:00 in Berlin.
    expect(moments("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2)).toEqual([
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
  });

  test("who asks between the two is told of the next day", () => {
    expect(moments("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45Z", 1)).toEqual(["2026-10-26T01:30"]);
  });

  test("every hour is every hour that passes", () => {
    expect(moments("30 * * * *", "Europe/Berlin", "2026-03-28T23:45Z", 3)).toEqual([
      "2026-03-29T00:30",
      "2026-03-29T01:30",
      "2026-03-29T02:30",
    ]);
    expect(moments("30 * * * *", "Europe/Berlin", "2026-10-24T23:45Z", 3)).toEqual([
      "2026-10-25T00:30",
      "2026-10-25T01:30",
      "2026-10-25T02:30",
    ]);
  });

  test("half an hour of change is half an hour", () => {
    // Lord Howe: 2026-10-04, 02:00 → 02:30, from UTC+10:30 to UTC+11.
    expect(moments("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", 2)).toEqual([
      "2026-10-03T15:30",
      "2026-10-04T15:15",
    ]);
  });

  test("a midnight that is skipped comes at one o'clock", () => {
    // Cairo: 2026-04-24, 00:00 → 01:00.
    expect(moments("0 0 * * *", "Africa/Cairo", "2026-04-22T23:00Z", 2)).toEqual([
      "2026-04-23T22:00",
      "2026-04-24T21:00",
    ]);
  });

  test("a midnight that comes twice counts once", () => {
    // Havana: 2026-11-01, 01:00 → 00:00.
    expect(moments("0 0 * * *", "America/Havana", "2026-10-31T12:00Z", 2)).toEqual([
      "2026-11-01T04:00",
      "2026-11-02T05:00",
    ]);
  });

  test.each(["+02:00", "-5", "Mars/Olympus", "", "Europe/Berlin; drop table", "\0"])("%j is no time zone", (name) => {
    expect(openZone(name)).toBeUndefined();
  });

  test("every next moment is the first minute whose clocks show the schedule, walked minute by minute", () => {
    const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"];
    const text = fc
      .tuple(
        fc.constantFrom("*", "0", "*/25", "30", "7,59"),
        fc.constantFrom("*", "2", "1-3", "0", "23", "*/3"),
        fc.constantFrom("*", "29", "25", "1-7", "*/3"),
        fc.constantFrom("*", "3", "oct-nov"),
        fc.constantFrom("*", "sun", "1-5"),
      )
      .map((fields) => fields.join(" "));
    const starts = ["2026-03-27T12:00Z", "2026-10-23T05:17Z", "2026-04-03T11:59Z", "2026-11-01T03:00Z"].map(Date.parse);
    fc.assert(
      fc.property(text, fc.constantFrom(...zones), fc.constantFrom(...starts), (cron, name, from) => {
        const [wanted, clocks] = [schedule(cron), zone(name)];
        const walked = walk(wanted, clocks, from, 3 * 1440);
        const next = nextOccurrence(wanted, clocks, from);
        if (walked === null) expect(next === null || next > from + 3 * 1440 * MINUTE_MS).toBe(true);
        else expect(next).toBe(walked);
      }),
      { numRuns: 60 },
    );
  });
});

/** The slow and plain way: looks at the clocks every minute, and remembers what they have shown. */
function walk(wanted: CronSchedule, clocks: Zone, from: number, minutes: number): number | null {
  const shows = (local: number) => {
    const date = new Date(local);
    const byDay = wanted.days.has(date.getUTCDate());
    const byWeekday = wanted.weekdays.has(date.getUTCDay());
    return (
      wanted.minutes.has(date.getUTCMinutes()) &&
      wanted.hours.has(date.getUTCHours()) &&
      wanted.months.has(date.getUTCMonth() + 1) &&
      (wanted.eitherDay ? byDay || byWeekday : byDay && byWeekday)
    );
  };
  const everyHour = wanted.hours.size === 24;
  const start = Math.floor(from / MINUTE_MS) * MINUTE_MS - 180 * MINUTE_MS;
  const seen = new Set<number>();
  let last = start + clocks.offsetMs(start);
  for (let at = start; at <= from + minutes * MINUTE_MS; at += MINUTE_MS) {
    const local = at + clocks.offsetMs(at);
    let fires = shows(local) && (everyHour || !seen.has(local));
    for (let skipped = last + MINUTE_MS; skipped < local; skipped += MINUTE_MS) {
      if (!everyHour && shows(skipped)) fires = true;
    }
    seen.add(local);
    last = local;
    if (fires && at > from) return at;
  }
  return null;
}
