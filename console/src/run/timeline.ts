import { type Execution, nodePath, type Part, type Question, type RunDetail } from "./model.ts";
import { layOut, type Scale, type Span } from "./spans.ts";

/** What a bar shows. */
export type BarKind = "queue" | "node" | "wait" | "attempt";

/** A bar of the waterfall. */
export interface Bar extends Span {
  kind: BarKind;
  /** Nothing of it has ended. */
  isOpen: boolean;
  status: string;
}

/** A line of the waterfall. */
export interface Row {
  id: string;
  depth: number;
  label: string;
  bars: Bar[];
  execution?: Execution;
  question?: Question;
  part?: Part;
}

/** The waterfall of a process. */
export interface Timeline extends Span {
  rows: Row[];
  scale: Scale;
}

const moment = (at: string) => Date.parse(at);
const ends = (at: string | null, now: number) => (at === null ? now : Date.parse(at));

/** Everything that happened in a process, in the order in which it began. */
export function timelineOf(run: RunDetail, now: number, folds: boolean): Timeline {
  const rows = run.parts.flatMap((part, index) => {
    const own = run.executions.filter(({ run_id }) => run_id === part.run_id);
    const asked = run.questions.filter(({ run_id }) => run_id === part.run_id);
    return [
      partRow(part, index, now),
      ...[...own.map(nodeRow), ...asked.map((question) => waitRow(question, now))].sort(
        (a, b) => (a.bars[0]?.from ?? 0) - (b.bars[0]?.from ?? 0) || a.depth - b.depth,
      ),
    ];
  });
  const bars = rows.flatMap((row) => row.bars);
  const from = Math.min(...run.parts.map(({ due_at }) => moment(due_at)));
  const to = Math.max(from + 1, ...bars.map((bar) => bar.to));
  const busy = bars.filter(({ kind }) => kind === "node" || kind === "attempt");
  return { from, to, rows, scale: layOut({ from, to }, busy, folds) };
}

function partRow(part: Part, index: number, now: number): Row {
  const [first] = part.attempts;
  const started = first === undefined ? ends(part.ended_at, now) : moment(first.started_at);
  const queue: Bar = {
    kind: "queue",
    from: moment(part.due_at),
    to: Math.max(moment(part.due_at), started),
    isOpen: first === undefined && part.ended_at === null,
    status: "pending",
  };
  const attempts = part.attempts.map(
    ({ started_at, ended_at, outcome }): Bar => ({
      kind: "attempt",
      from: moment(started_at),
      to: ends(ended_at, now),
      isOpen: ended_at === null,
      status: outcome ?? "running",
    }),
  );
  const label = index === 0 ? "run" : part.kind === "resume" ? "answer carried out" : "run";
  return { id: part.run_id, depth: 0, label, bars: [queue, ...attempts], part };
}

function nodeRow(execution: Execution): Row {
  const path = nodePath(execution);
  const from = moment(execution.started_at);
  const { duration_ms, status, run_id, attempt, checkpoint_ns, checkpoint_id, task_id } = execution;
  return {
    id: [run_id, attempt, checkpoint_ns, checkpoint_id, task_id].join(" "),
    depth: path.split(" / ").length,
    label: path.split(" / ").at(-1) as string,
    bars: [{ kind: "node", from, to: from + duration_ms, isOpen: false, status }],
    execution,
  };
}

function waitRow(question: Question, now: number): Row {
  const isOpen = question.status === "open" || question.status === "info_requested";
  const to = ends(question.decided_at ?? question.closed_at, now);
  const bar: Bar = { kind: "wait", from: moment(question.opened_at), to, isOpen, status: question.status };
  return { id: question.id, depth: 1, label: question.title, bars: [bar], question };
}

/** What a wait for a person says: since when, or who decided what and when. */
export function waitWords(question: Question): string {
  const { status, outcome, decided_by } = question;
  if (status === "open") return "waits for a person";
  if (status === "info_requested") return "waits for an answer to a question";
  if (outcome !== null) return `${outcome} by ${decided_by ?? "somebody"}`;
  return status.replaceAll("_", " ");
}
