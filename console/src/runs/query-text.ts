import type { ProcessStatus } from "../run/model.ts";

/** What a list of runs is asked for. */
export interface RunQuery {
  statuses: ProcessStatus[];
  graph?: string;
  by?: string;
  error?: string;
  /** "1h": those that have waited for a person for longer. */
  waiting?: string;
  since?: string;
  /** The beginning of a run's id. */
  id?: string;
}

/** Every status that can be asked for. */
export const STATUSES: readonly ProcessStatus[] = [
  "waiting",
  "running",
  "pending",
  "success",
  "error",
  "timeout",
  "interrupted",
  "stale",
  "superseded",
];

const WORDS = /(\w+):(?:"([^"]*)"|(\S+))|"([^"]*)"|(\S+)/g;
const ALIASES: Record<string, ProcessStatus> = { failed: "error", cancelled: "interrupted", queued: "pending" };

/** Reads `status:error graph:refunds waiting:>1h by:ana`; what is none of it is told. */
export function readQuery(text: string): { query: RunQuery; unknown: string[] } {
  const query: RunQuery = { statuses: [] };
  const unknown: string[] = [];
  for (const [whole, name, quoted, plain] of text.matchAll(WORDS)) {
    const value = quoted ?? plain ?? "";
    const key = name?.toLowerCase();
    if (key === "status" || key === "is") {
      for (const one of value.toLowerCase().split(",")) {
        const status = ALIASES[one] ?? STATUSES.find((known) => known === one);
        if (status === undefined) unknown.push(whole);
        else if (!query.statuses.includes(status)) query.statuses.push(status);
      }
    } else if (key === "graph" || key === "by" || key === "error" || key === "since") query[key] = value;
    else if (key === "waiting" && isSpan(value.replace(/^>/, ""))) query.waiting = value.replace(/^>/, "");
    else if (/^[0-9a-f-]{4,36}$/i.test(whole)) query.id = whole.toLowerCase();
    else unknown.push(whole);
  }
  if (query.since !== undefined && !isSpan(query.since) && !/^\d{4}-\d{2}-\d{2}/.test(query.since)) {
    unknown.push(`since:${query.since}`);
    delete query.since;
  }
  return { query, unknown };
}

/** The same as text. */
export function writeQuery(query: RunQuery): string {
  const quote = (value: string) => (/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value);
  return [
    ...(query.statuses.length === 0 ? [] : [`status:${query.statuses.join(",")}`]),
    ...(["graph", "by", "error", "since"] as const).flatMap((key) =>
      query[key] === undefined ? [] : [`${key}:${quote(query[key])}`],
    ),
    ...(query.waiting === undefined ? [] : [`waiting:>${query.waiting}`]),
    ...(query.id === undefined ? [] : [query.id]),
  ].join(" ");
}

/** The same as the server reads it. */
export function queryParameters(query: RunQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") parameters.set(name, value);
  };
  set("status", query.statuses.join(","));
  set("graph_id", query.graph);
  set("started_by", query.by);
  set("error_class", query.error);
  set("waiting_over", query.waiting);
  set("since", query.since);
  return parameters;
}

const isSpan = (text: string) => /^\d{1,6}[smhdw]$/.test(text);
