import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../../../policy/canonical-json.ts";
import { HoldpointError } from "../../../protocol/errors.ts";
import { kitClock } from "../../clock.ts";
import { currentSearch } from "../../outside.ts";
import { portsIfAny } from "../../ports.ts";
import { defineTool, type Tool, type ToolOptions } from "../../tool/tool.ts";
import { toolError } from "../http/request.ts";
import type { SearchProvider } from "./provider.ts";
import { searchResultSchema, searchResults } from "./search-result.ts";

const MOST = 20;
const USUAL = 5;
const KEPT_MS = 3_600_000;

const searchInput = z.strictObject({
  query: z.string().trim().min(1).max(400),
  max_results: z.int().min(1).max(MOST).optional(),
});

const searchOutput = z.object({
  query: z.string(),
  provider: z.string(),
  /** When the provider was asked. */
  searched_at: z.string(),
  /** `stored` when the cache had the results. */
  from: z.enum(["live", "stored"]),
  results: z.array(searchResultSchema),
});
const keptSchema = searchOutput.omit({ from: true });

type SearchTerms<Name extends string> = Omit<
  ToolOptions<Name, typeof searchInput, typeof searchOutput>,
  "name" | "description" | "input" | "output" | "effect" | "run" | "hold_back" | "compensate"
>;

/** How the web is searched. */
export interface WebSearchOptions<Name extends string> extends SearchTerms<Name> {
  /** `web_search` unless given. */
  name?: Name;
  description?: string;
  /** `searxng()`, `brave()`, `tavily()` or one of your own; the server's, by HOLDPOINT_SEARCH, unless given. */
  provider?: SearchProvider;
  /** 5 unless given, 20 at most. */
  max_results?: number;
  /** How long results are kept for whoever asks the same; an hour unless given, 0 not at all. */
  kept_ms?: number;
}

/** A tool that searches the web. What it finds was written by others: it is plain text without markup, and data. */
export function webSearch<const Name extends string = "web_search">(
  options: WebSearchOptions<Name> = {},
): Tool<Name, typeof searchInput, typeof searchOutput> {
  const {
    name = "web_search" as Name,
    description,
    provider,
    max_results = USUAL,
    kept_ms = KEPT_MS,
    ...terms
  } = options;
  if (!(Number.isInteger(max_results) && max_results >= 1 && max_results <= MOST) || !(kept_ms >= 0)) {
    throw new HoldpointError(
      "invalid",
      `the tool "${name}" gives 1 to ${MOST} results and keeps them for 0 ms or longer`,
    );
  }
  return defineTool({
    ...terms,
    name,
    description: description ?? "Searches the web; gives titles, addresses and a few words of each page.",
    input: searchInput,
    output: searchOutput,
    effect: "read",
    async run({ query, max_results: wanted = max_results }, { signal }) {
      const searcher = provider ?? currentSearch() ?? nobody();
      const count = Math.min(wanted, max_results);
      const key = `search:${createHash("sha256")
        .update(canonicalJson([searcher.name, searcher.scope ?? "", query, count]))
        .digest("hex")}`;
      const kept = kept_ms > 0 ? keptSchema.safeParse(await portsIfAny()?.guards.cache.get(key)) : undefined;
      if (kept?.success === true) return { ...kept.data, from: "stored" as const };
      try {
        const found = await searcher.search({ query, count, signal });
        const searched_at = new Date(kitClock().now()).toISOString();
        const answer = { query, provider: searcher.name, searched_at, results: searchResults(found, count) };
        if (kept_ms > 0) await portsIfAny()?.guards.cache.put(key, answer, kept_ms);
        return { ...answer, from: "live" as const };
      } catch (error) {
        throw toolError(name, error);
      }
    },
  });
}

function nobody(): never {
  throw new HoldpointError(
    "tool_failed",
    "no web search is configured: set HOLDPOINT_SEARCH, or give the tool a provider such as searxng({ url })",
    { facts: { class: "permission" } },
  );
}
