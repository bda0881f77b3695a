const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of time in its two largest units: "2 d 3 h", "4 min", "12 s". */
export function formatSpan(ms: number): string {
  const span = Math.abs(ms);
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < DAY) return join(span, HOUR, "h", MINUTE, "min");
  if (span < 30 * DAY) return join(span, DAY, "d", HOUR, "h");
  return `${Math.floor(span / DAY)} d`;
}

function join(span: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((span % large) / small);
  return `${Math.floor(span / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}

/** A span of time in its largest unit, rounded down, for lists: "2 d", "4 min". */
export function formatRoughSpan(ms: number): string {
  const span = Math.abs(ms);
  if (span < HOUR) return formatSpan(span);
  return span < DAY ? `${Math.floor(span / HOUR)} h` : `${Math.floor(span / DAY)} d`;
}

/** How long ago: "2 s ago", "just now". */
export function formatAgo(iso: string, now: number, span = formatSpan): string {
  const ms = now - Date.parse(iso);
  return ms < SECOND ? "just now" : `${span(ms)} ago`;
}

/** What is left until a moment, or by how much it is over. */
export function formatDue(iso: string, now: number, span = formatSpan): string {
  const ms = Date.parse(iso) - now;
  return ms < 0 ? `overdue by ${span(ms)}` : `due in ${span(ms)}`;
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A moment in the reader's own time zone. */
export function formatMoment(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : MOMENT.format(at);
}

/** A number with the reader's separators. */
export function formatNumber(value: number): string {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: 20 }).format(value);
}

/** A size: "12 kB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** One of something, or several: "1 run", "3 runs". */
export function count(amount: number, one: string, several = `${one}s`): string {
  return `${formatNumber(amount)} ${amount === 1 ? one : several}`;
}

/** The first characters of an id, enough to tell a few apart. */
export function shortId(id: string): string {
  return id.slice(0, 7);
}

/** "resume_failed" as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
