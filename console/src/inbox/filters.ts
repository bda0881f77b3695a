// What is asked of the list: a view with a count, and what stands in the search box.

/** A view of the inbox. */
export interface View {
  id: string;
  label: string;
  /** What is asked of the server. */
  query: Record<string, string>;
  /** Which of the counts it shows. */
  count: string | null;
}

const WAITING = "open,info_requested";

/** The views that everybody has, in the order of the rail. */
export const VIEWS: readonly View[] = [
  { id: "all", label: "All open", query: { status: WAITING, snoozed: "false" }, count: "waiting" },
  { id: "mine", label: "Mine", query: { status: WAITING, mine: "true" }, count: "mine" },
  { id: "groups", label: "My groups", query: { status: WAITING, my_groups: "true" }, count: "my_groups" },
  { id: "unclaimed", label: "Unclaimed", query: { status: WAITING, unclaimed: "true" }, count: "unclaimed" },
  { id: "overdue", label: "Overdue", query: { status: WAITING, overdue: "true" }, count: "overdue" },
  { id: "high", label: "High risk", query: { status: WAITING, risk: "high" }, count: "high_risk" },
  { id: "snoozed", label: "Snoozed", query: { status: WAITING, snoozed: "true" }, count: "snoozed" },
  { id: "attention", label: "Needs attention", query: { status: "stale,resume_failed" }, count: "attention" },
  { id: "decided", label: "Decided", query: { status: "decided,resuming,closed", sort: "newest" }, count: null },
];

/** A search that somebody has kept. */
export interface SavedSearch {
  name: string;
  search: string;
}

/** What is wrong with a search. */
export interface ReadSearch {
  query: Record<string, string>;
  faults: string[];
}

const SPANS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `graph:refunds risk:high due:<1h and words of a title`. */
export function readSearch(search: string, now: number): ReadSearch {
  const query: Record<string, string> = {};
  const faults: string[] = [];
  const words: string[] = [];
  for (const word of search.match(/\S+/g) ?? []) {
    const [, name, value] = /^(graph|risk|due|who|group|thread|status):(.+)$/.exec(word) ?? [];
    if (name === undefined || value === undefined) words.push(word);
    else if (name === "graph") query["graph_id"] = value;
    else if (name === "who") query["assignee"] = value;
    else if (name === "group") query["group"] = value;
    else if (name === "thread") query["thread_id"] = value;
    else if (name === "status") query["status"] = value;
    else if (name === "risk") {
      if (["low", "medium", "high"].includes(value)) query["risk"] = value;
      else faults.push("risk is low, medium or high");
    } else {
      const [, amount, unit] = /^<?(\d{1,4})([mhd])$/.exec(value) ?? [];
      const span = SPANS[unit ?? ""];
      if (span === undefined) faults.push("due is a span such as due:<4h (m, h or d)");
      else query["due_before"] = new Date(now + Number(amount) * span).toISOString();
    }
  }
  if (words.length > 0) query["q"] = words.join(" ");
  return { query, faults };
}

/** The address of the list for a view and a search. */
export function listPath(view: View, search: Record<string, string>, page: { sort: string; limit: number }): string {
  const query = { sort: page.sort, ...view.query, ...search, limit: String(page.limit), brief: "true" };
  return `/reviews?${new URLSearchParams(query)}`;
}
