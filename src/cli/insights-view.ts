// Insights as a person reads them.
import { count, formatDuration, formatMoment } from "./format.ts";
import { shortId } from "./id-prefix.ts";
import type { GraphInsightsView, RunInsightsView } from "./insights-wire.ts";
import { sanitiseLine } from "./sanitise.ts";
import { type Column, renderPairs, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { wrap } from "./text-width.ts";

type RunNode = RunInsightsView["nodes"][number];
type GraphNode = GraphInsightsView["nodes"][number];

const STEPS_SHOWN = 40;
const LEAST_WIDTH = 40;

/** One run: where its time went, its critical path, its nodes. */
export function runLines(terminal: Terminal, insights: RunInsightsView): string[] {
  const { bold, dim } = terminal.colours;
  const { run_id, graph_id, status, runs, questions, nodes, path, is_cut } = insights;
  const more = runs.length > 1 ? `  ${dim(`${runs.length} runs, with those that carried its answers`)}` : "";
  return [
    `${bold(`run ${shortId(run_id)}`)}  ${sanitiseLine(graph_id)}  ${sanitiseLine(status)}${more}`,
    "",
    ...renderPairs(timePairs(insights), 2, dim),
    ...questions.map((question) => `  review ${shortId(question.id)}: ${sanitiseLine(wordsOf(question))}`),
    ...(path.length === 0 ? [] : ["", ...pathLines(terminal, path)]),
    ...(nodes.length === 0 ? [] : ["", ...renderTable(RUN_COLUMNS, nodes, terminal.columns, dim)]),
    ...errorLines(nodes),
    ...(is_cut ? [dim("There is more than is looked at: this is the first part of it.")] : []),
  ];
}

function timePairs({ time }: RunInsightsView): [string, string][] {
  const parts: [string, number][] = [
    ["waiting for a person", time.person_ms],
    ["in the queue", time.queue_ms],
    ["until a lost worker's run was taken up", time.recovery_ms],
    ["models", time.model_ms],
    ["tools", time.tool_ms],
    ["other work of nodes", time.work_ms],
    ["storing and moving on", time.engine_ms],
  ];
  const spent = parts.filter(([, ms]) => ms >= 0.5);
  return [["total", time.total_ms] as [string, number], ...spent].map(([name, ms]) => [name, formatDuration(ms)]);
}

function wordsOf({ title, status, outcome, opened_at, answered_at }: RunInsightsView["questions"][number]): string {
  if (answered_at === null) return `${title} (${status} since ${formatMoment(opened_at)})`;
  const took = formatDuration(Date.parse(answered_at) - Date.parse(opened_at));
  return `${title} (${outcome ?? status} after ${took})`;
}

function pathLines({ columns }: Terminal, path: RunInsightsView["path"]): string[] {
  const steps = path.slice(0, STEPS_SHOWN).map(({ node, tasks, duration_ms, status }) => {
    const how = status === "success" ? "" : ` (${status})`;
    return sanitiseLine(`${node}${tasks > 1 ? ` ×${tasks}` : ""} ${formatDuration(duration_ms)}${how}`);
  });
  const rest = path.length > STEPS_SHOWN ? [`… ${path.length - STEPS_SHOWN} more`] : [];
  const lines = wrap([...steps, ...rest].join(" → "), Math.max(LEAST_WIDTH, columns - 4));
  return ["  critical path:", ...lines.map((line) => `    ${line}`)];
}

const percent = (share: number) => (share === 0 ? "" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`);
const tokens = (input: number, output: number) =>
  input + output === 0 ? "" : `${Math.round(input)}+${Math.round(output)}`;
const money = (cost: number | null) => (cost === null ? "" : cost.toFixed(4));

const RUN_COLUMNS: Column<RunNode>[] = [
  { name: "NODE", show: ({ node }) => node, shrinks: true },
  { name: "TIMES", show: timesOf, align: "right" },
  { name: "TIME", show: ({ duration_ms }) => formatDuration(duration_ms), align: "right" },
  { name: "LONGEST", show: ({ longest_ms }) => formatDuration(longest_ms), align: "right" },
  { name: "OF PATH", show: ({ path_share }) => percent(path_share), align: "right" },
  { name: "TRIES", show: ({ tries }) => String(tries), align: "right" },
  { name: "TOKENS", show: ({ input_tokens, output_tokens }) => tokens(input_tokens, output_tokens), align: "right" },
  { name: "COST", show: ({ cost }) => money(cost), align: "right" },
  { name: "WRITTEN", show: ({ write_bytes }) => bytes(write_bytes), align: "right" },
];

/** How often it was executed, and what of that was no success of its own. */
function timesOf({ executions, statuses, cached }: RunNode): string {
  const others = Object.entries(statuses).filter(([status]) => status !== "success");
  const told = [...others.map(([status, times]) => `${times} ${status}`), ...(cached > 0 ? [`${cached} cached`] : [])];
  return told.length === 0 ? String(executions) : `${executions} (${told.join(", ")})`;
}

function bytes(size: number): string {
  if (size < 1_000) return `${size} B`;
  return size < 1_000_000 ? `${(size / 1_000).toFixed(1)} kB` : `${(size / 1_000_000).toFixed(1)} MB`;
}

function errorLines(nodes: readonly { node: string; errors: Record<string, number> }[]): string[] {
  const failed = nodes.filter(({ errors }) => Object.keys(errors).length > 0);
  return failed.map(({ node, errors }) => {
    const each = Object.entries(errors).map(([name, times]) => `${name}${times > 1 ? ` ×${times}` : ""}`);
    return `  ${sanitiseLine(`${node} failed with ${each.join(", ")}`)}`;
  });
}

/** A graph: what became of its runs, how long they took, its slowest nodes first. */
export function graphLines(terminal: Terminal, insights: GraphInsightsView): string[] {
  const { bold, dim } = terminal.colours;
  const { graph_id, since, runs, nodes, read } = insights;
  const statuses = Object.entries(runs.by_status).map(([status, times]) => `${times} ${status}`);
  const head = `${bold(sanitiseLine(graph_id))}  ${count(runs.total, "run")} since ${formatMoment(since)}`;
  if (runs.total === 0) return [head];
  const asked = runs.person_ms === null ? "" : `${halvesOf(runs.person_ms)} (${count(runs.asked, "run")} asked)`;
  const pairs: [string, string][] = [
    ["ended", statuses.sort().join(", ")],
    ["errors", runs.error_rate === null ? "" : percent(runs.error_rate) || "none"],
    ["total", halvesOf(runs.total_ms)],
    ["in the queue", halvesOf(runs.queue_ms)],
    ["waiting for a person", asked],
  ];
  const shown = pairs
    .filter(([, value]) => value !== "")
    .map(([name, value]): [string, string] => [name, sanitiseLine(value)]);
  const cut =
    read.oldest === null
      ? ""
      : `Only the newest were read: ${count(read.runs, "run")} since ${formatMoment(read.oldest)}, ${count(read.executions, "execution")}.`;
  return [
    head,
    "",
    ...renderPairs(shown, 2, dim),
    ...(nodes.length === 0 ? [] : ["", ...renderTable(GRAPH_COLUMNS, nodes, terminal.columns, dim)]),
    ...errorLines(nodes),
    ...(nodes.length === 0 ? [] : [dim(`  OF PATH is of the newest ${count(read.path_runs, "run")}.`)]),
    ...(read.is_cut ? [dim(`  ${cut}`)] : []),
  ];
}

function halvesOf(times: [number, number] | null): string {
  return times === null ? "" : `half within ${formatDuration(times[0])}, 95% within ${formatDuration(times[1])}`;
}

const GRAPH_COLUMNS: Column<GraphNode>[] = [
  { name: "NODE", show: ({ node }) => node, shrinks: true },
  { name: "TIMES", show: ({ executions }) => String(executions), align: "right" },
  {
    name: "P50",
    show: ({ duration_ms }) => (duration_ms === null ? "" : formatDuration(duration_ms[0])),
    align: "right",
  },
  {
    name: "P95",
    show: ({ duration_ms }) => (duration_ms === null ? "" : formatDuration(duration_ms[1])),
    align: "right",
  },
  { name: "OF PATH", show: ({ path_share }) => percent(path_share), align: "right" },
  { name: "FAILED", show: ({ failed }) => (failed === 0 ? "" : String(failed)), align: "right" },
  { name: "CACHED", show: ({ cached }) => (cached === 0 ? "" : String(cached)), align: "right" },
  { name: "TOKENS/RUN", show: ({ per_run }) => tokens(per_run.input_tokens, per_run.output_tokens), align: "right" },
  { name: "COST/RUN", show: ({ per_run }) => money(per_run.cost), align: "right" },
];
