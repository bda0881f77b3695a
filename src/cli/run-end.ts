// What became of a run: done, failed, or waiting for a person. A run that pauses ends with `success` in the words of the
// LangGraph API; only its reviews tell that it waits.
import { z } from "zod";
import type { Api } from "./api.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { listReviews } from "./find-review.ts";
import type { Followed } from "./follow.ts";
import { formatValue } from "./format.ts";
import { shortId } from "./id-prefix.ts";
import { effectSentence, isOpenReview, leadOf } from "./review-view.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";
import { renderPairs } from "./table.ts";
import { clip, widestOf } from "./text-width.ts";
import type { Review, RunView } from "./wire.ts";

/** How a run ended. */
export interface RunEnd {
  exitCode: ExitCode;
  outcome: "done" | "waiting" | "answered" | "failed" | "cancelled";
  run: RunView;
  /** The questions it asked; empty when it asked none. */
  reviews: Review[];
  values: unknown;
  error: { error: string; message: string } | undefined;
}

const stateWire = z.looseObject({ values: z.unknown() });

/** Reads how a followed run ended. */
export async function endOfRun(api: Api, followed: Followed): Promise<RunEnd> {
  const { run, error } = followed;
  const base = { run, reviews: [], values: followed.values, error };
  if (run.status === "interrupted") return { ...base, exitCode: EXIT.failed, outcome: "cancelled" };
  if (run.status !== "success") return { ...base, exitCode: EXIT.failed, outcome: "failed" };
  const ofThread = await listReviews(api, { thread_id: run.thread_id });
  const reviews = ofThread.filter(({ run_id }) => run_id === run.run_id);
  if (reviews.some(isOpenReview)) return { ...base, reviews, exitCode: EXIT.done, outcome: "waiting" };
  if (reviews.length > 0) return { ...base, reviews, exitCode: EXIT.done, outcome: "answered" };
  const values = followed.values ?? (await readValues(api, run.thread_id));
  return { ...base, values, exitCode: EXIT.done, outcome: "done" };
}

async function readValues(api: Api, thread_id: string): Promise<unknown> {
  return (await api.request("GET", `/threads/${encodeURIComponent(thread_id)}/state`, stateWire)).body.values;
}

/** The same as one JSON object with stable names. */
export function endJson({ run, outcome, reviews, values, error }: RunEnd): Record<string, unknown> {
  return {
    run_id: run.run_id,
    thread_id: run.thread_id,
    status: run.status,
    outcome,
    reviews: reviews.filter(isOpenReview).map(({ id, title }) => ({ id, title })),
    values: values ?? null,
    error: error ?? null,
  };
}

/** The lines a person reads at the end of a run. */
export function endLines(cli: Cli, end: RunEnd): string[] {
  const { bold, green, red } = cli.terminal.colours;
  const run = `run ${shortId(end.run.run_id)}`;
  switch (end.outcome) {
    case "waiting":
      return end.reviews.filter(isOpenReview).flatMap((review) => waitingLines(cli, review));
    case "answered":
      return end.reviews.map((review) => answeredLine(review));
    case "done":
      return [`${green("done")}: ${run}`, ...valueLines(cli, end.values)];
    case "cancelled":
      return [`${bold("cancelled")}: ${run}`];
    case "failed":
      return [`${red("failed")}: ${run} (${sanitiseLine(end.run.status)})`];
  }
}

/** The question a run waits for, and how to look at it. */
function waitingLines(cli: Cli, review: Review): string[] {
  const { bold, yellow } = cli.terminal.colours;
  const id = shortId(review.id);
  return [
    `${yellow("waiting for a person")}: review ${bold(id)} (${cli.name} review show ${id})`,
    `  ${sanitiseLine(review.title)}`,
    ...review.actions.map((action) => `  ${leadOf(action)} ${effectSentence(action)}`),
  ];
}

/** How a question ended. */
export function answeredLine(review: Review): string {
  const id = shortId(review.id);
  const by = review.decision == null ? "" : ` by ${review.decision.display_name}`;
  const reason = review.status_reason == null ? "" : `: ${review.status_reason}`;
  return `review ${id} ${sanitiseLine(`${review.outcome ?? review.status}${by}${reason}`)}`;
}

/** The state a run ended with: on a screen a line for each part of it, in a pipe all of it. */
function valueLines({ terminal }: Cli, values: unknown): string[] {
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    return values === undefined || values === null ? [] : [safeJson(values)];
  }
  if (!terminal.isScreen)
    return Object.entries(values).map(([name, value]) => `${sanitiseLine(name)}\t${safeJson(value)}`);
  const entries = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  const widest = widestOf(entries.map(([name]) => name));
  const room = Math.max(20, terminal.columns - widest - 4);
  const shown = entries.map(([name, value]) => [name, shortValue(value, room)] as const);
  return renderPairs(shown, 2, terminal.colours.dim);
}

const LINES_OF_TEXT = 12;

function shortValue(value: unknown, room: number): string {
  const lines = formatValue(value).split("\n");
  const more = lines.length > LINES_OF_TEXT ? [`… ${lines.length - LINES_OF_TEXT} more lines`] : [];
  return [...lines.slice(0, LINES_OF_TEXT).map((line) => clip(line, room)), ...more].join("\n");
}
