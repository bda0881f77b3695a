import { type CronSchedule, isScheduledDay } from "./cron-schedule.ts";
import { jumpOver, momentsOf, type Zone } from "./zone-time.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
// The 29th of February comes after eight years at the latest.
const LONGEST_DAYS = 9 * 366;

/**
 * The first moment after `after` at which the clocks of the zone show a time of the schedule; null when there is none.
 *
 * Where the clocks are put forward, a time they skip comes at the moment of the jump; where they are put back, a time
 * they show twice comes the first time only. A schedule that names every hour follows the hours that really pass: it
 * makes nothing up for a skipped one, and comes in both of a doubled one.
 */
export function nextOccurrence(schedule: CronSchedule, zone: Zone, after: number): number | null {
  const today = startOfDay(after + zone.offsetMs(after));
  // From the day before: the clocks may have been put back over midnight.
  for (let number = -1; number <= LONGEST_DAYS; number += 1) {
    const day = today + number * DAY_MS;
    if (!isScheduledDay(schedule, calendarOf(day))) continue;
    const next = firstOfDay(schedule, zone, day, after);
    if (next !== null) return next;
  }
  return null;
}

function firstOfDay(schedule: CronSchedule, zone: Zone, day: number, after: number): number | null {
  // Wide enough that whatever the clocks do on this day lies between the two.
  const offsets = [...new Set([zone.offsetMs(day - DAY_MS), zone.offsetMs(day + 2 * DAY_MS)])];
  const followsHours = schedule.hours.size === 24;
  let first: number | null = null;
  for (const hour of schedule.hours) {
    for (const minute of schedule.minutes) {
      const local = day + hour * 60 * MINUTE_MS + minute * MINUTE_MS;
      for (const at of occurrencesOf(zone, local, offsets, followsHours)) {
        if (at > after && (first === null || at < first)) first = at;
      }
    }
  }
  return first;
}

function occurrencesOf(zone: Zone, local: number, offsets: readonly number[], followsHours: boolean): number[] {
  if (offsets.length === 1) return [local - (offsets[0] as number)];
  const moments = momentsOf(zone, local, offsets);
  if (followsHours) return moments;
  return [moments[0] ?? jumpOver(zone, local, offsets)];
}

const startOfDay = (local: number) => Math.floor(local / DAY_MS) * DAY_MS;

function calendarOf(day: number) {
  const date = new Date(day);
  return { month: date.getUTCMonth() + 1, day: date.getUTCDate(), weekday: date.getUTCDay() };
}
