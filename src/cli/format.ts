import type { Json } from "../protocol/json.ts";
import { safeJson, sanitiseLine, sanitiseText } from "./sanitise.ts";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;
const TWO_UNITS_BELOW = 10;

/** A span of time in its largest units: 4d, 3h 20m, 45s. */
export function formatSpan(ms: number): string {
  const span = Math.max(0, ms);
  const index = UNITS.findIndex(([, size]) => span >= size);
  if (index < 0) return "0s";
  const [name, size] = UNITS[index] as (typeof UNITS)[number];
  const count = Math.floor(span / size);
  const next = UNITS[index + 1];
  const rest = next === undefined ? 0 : Math.floor((span % size) / next[1]);
  return next === undefined || count >= TWO_UNITS_BELOW || rest === 0
    ? `${count}${name}`
    : `${count}${name} ${rest}${next[0]}`;
}

/** How long a step took: 12 ms, 1.4 s, 3m 5s. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : formatSpan(ms);
}

/** How long ago. */
export function formatSince(at: string | null, now: Date): string {
  return at === null ? "" : formatSpan(now.getTime() - Date.parse(at));
}

/** How long until something is due, or for how long it has been. */
export function formatDue(at: string | null, now: Date): string {
  if (at === null) return "";
  const left = Date.parse(at) - now.getTime();
  return left >= 0 ? `in ${formatSpan(left)}` : `overdue ${formatSpan(-left)}`;
}

/** A moment to the minute, in the person's own time zone. */
export function formatMoment(at: string): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return sanitiseLine(at);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

/** A moment to the second, for what is over soon. */
export function formatSecond(at: string): string {
  const seconds = new Date(at).getSeconds();
  return Number.isNaN(seconds) ? formatMoment(at) : `${formatMoment(at)}:${String(seconds).padStart(2, "0")}`;
}

/** The amount an action is about, where its arguments name one: 12.50 EUR. */
export function formatAmount(args: Json | undefined): string {
  if (typeof args !== "object" || args === null || Array.isArray(args)) return "";
  const { amount, currency } = args;
  if (typeof amount !== "number" && typeof amount !== "string") return "";
  const number = typeof amount === "number" && Number.isFinite(amount) ? money(amount) : String(amount);
  return typeof currency === "string" ? `${number} ${currency}` : number;
}

/** One value as a person reads it: text as it is, anything else as JSON. Safe for a terminal. */
export function formatValue(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : sanitiseText(value);
  return safeJson(value);
}

/** The number in the plural where there is not just one. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function money(amount: number): string {
  // Never rounded: a reviewer who sees 12.34 must not pay 12.345.
  const text = String(amount);
  return /^-?\d+(\.\d?)?$/.test(text) ? amount.toFixed(2) : text;
}
