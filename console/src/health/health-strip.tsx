import { Link } from "wouter";
import { store } from "../app/stored.ts";
import { formatMs } from "../run/spans.ts";
import { formatNumber } from "../ui/format.ts";
import { useHealth } from "./health-query.ts";
import "./health.css";

interface Tile {
  name: string;
  value: string;
  note?: string;
  href: string;
  /** The view of the inbox that it leads to. */
  view?: string;
  /** `bad` is also said in words, by the note. */
  tone?: "warn" | "bad" | undefined;
}

const LONG_WAIT_SECONDS = 60;

/** How the installation is doing, in one line; each figure leads to what it counts. */
export default function HealthStrip() {
  const tiles = useTiles();
  if (tiles === undefined) return <div className="health-strip" aria-hidden="true" />;
  return (
    <ul className="health-strip" aria-label="Health">
      {tiles.map(({ name, value, note, href, tone, view }) => (
        <li key={name}>
          <Link href={href} className={`tile ${tone ?? ""}`} onClick={() => view !== undefined && store("view", view)}>
            <span className="tile-value">
              {tone === undefined ? "" : <span aria-hidden="true">{tone === "bad" ? "✕ " : "! "}</span>}
              {value}
            </span>
            <span className="tile-name">{name}</span>
            {note !== undefined && <span className="tile-note">{note}</span>}
          </Link>
        </li>
      ))}
    </ul>
  );
}

function useTiles(): Tile[] | undefined {
  const { queue, workers, reviews } = useHealth();
  if (queue === undefined || workers === undefined) return undefined;
  const live = workers.filter(({ state }) => state === "live");
  const lost = workers.filter(({ state }) => state === "lost").length;
  const slots = live.reduce((sum, worker) => sum + worker.slots, 0);
  const orphans = queue.graphs.filter(({ pending, loaded_by }) => pending > 0 && loaded_by === 0).length;
  const oldest = queue.oldest_wait_seconds;
  const tiles: Tile[] = [
    {
      name: "in the queue",
      value: formatNumber(queue.pending),
      href: "/runs?q=status%3Apending",
      ...(orphans > 0 ? { tone: "bad", note: "no worker has the graph" } : {}),
    },
    {
      name: "oldest wait",
      value: oldest === null ? "none" : formatMs(oldest * 1000),
      href: "/runs?q=status%3Apending",
      ...(oldest !== null && oldest > LONG_WAIT_SECONDS ? { tone: "warn", note: "over a minute" } : {}),
    },
    {
      name: "running",
      value: `${formatNumber(queue.running)} of ${formatNumber(slots)}`,
      href: "/runs?q=status%3Arunning",
    },
    {
      name: live.length === 1 ? "worker" : "workers",
      value: formatNumber(live.length),
      href: "/health",
      ...(live.length === 0
        ? { tone: "bad", note: "nothing is executed" }
        : lost > 0
          ? { tone: "warn", note: `${lost} lost` }
          : {}),
    },
  ];
  if (reviews === undefined) return tiles;
  const alarm = (amount: number, tone: "warn" | "bad", note: string) => (amount > 0 ? { tone, note } : {});
  return [
    ...tiles,
    {
      name: "reviews open",
      value: formatNumber(reviews.open + reviews.info_requested),
      href: "/runs?q=status%3Awaiting",
    },
    {
      name: "overdue",
      value: formatNumber(reviews.overdue),
      href: "/reviews?view=overdue",
      view: "overdue",
      ...alarm(reviews.overdue, "warn", "past their due time"),
    },
    {
      name: "failed resumes",
      value: formatNumber(reviews.resume_failed),
      href: "/reviews?view=attention",
      view: "attention",
      ...alarm(reviews.resume_failed, "bad", "answered, not carried out"),
    },
    {
      name: "stale",
      value: formatNumber(reviews.stale),
      href: "/runs?q=status%3Astale",
      ...alarm(reviews.stale, "bad", "to be asked again"),
    },
  ];
}
