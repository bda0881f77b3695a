import { z } from "zod";
import { HOSTILE } from "../../../policy/visible-text.ts";
import type { FoundPage } from "./provider.ts";

const LONGEST = { title: 200, snippet: 600, url: 2_048 };

/** One page that a search has found: what somebody on the web has written, and so data, never an instruction. */
export const searchResultSchema = z.object({
  title: z.string(),
  url: z.string(),
  snippet: z.string(),
  /** When, as far as it is known. */
  published: z.string().optional(),
});

/** One page that a search has found. */
export type SearchResult = z.infer<typeof searchResultSchema>;

/** The pages that have an address, each once, as plain text. */
export function searchResults(found: readonly FoundPage[], count: number): SearchResult[] {
  const byAddress = new Map<string, SearchResult>();
  for (const page of found) {
    const url = webAddress(page.url);
    if (url === undefined || byAddress.has(url)) continue;
    const published = moment(page.published);
    byAddress.set(url, {
      title: plainLine(page.title, LONGEST.title) || url,
      url,
      snippet: plainLine(page.snippet, LONGEST.snippet),
      ...(published === undefined ? {} : { published }),
    });
    if (byAddress.size === count) break;
  }
  return [...byAddress.values()];
}

function webAddress(given: unknown): string | undefined {
  const url = typeof given === "string" && given.length <= LONGEST.url ? URL.parse(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return undefined;
  return url.href;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
  "#x27": "'",
  nbsp: " ",
};

/** One line without markup and without what hides or reorders text. */
function plainLine(given: unknown, longest: number): string {
  if (typeof given !== "string") return "";
  const text = given
    .slice(0, longest * 8)
    .replaceAll(/<[^>]{0,200}>/g, "")
    .replaceAll(/&(amp|lt|gt|quot|#39|#x27|nbsp);/gi, (_all, name: string) => ENTITIES[name.toLowerCase()] ?? "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(HOSTILE, "")
    .trim();
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`;
}

function moment(given: unknown): string | undefined {
  if (typeof given !== "string" || given.length > 40 || !/^\d{4}-\d\d-\d\d|^[A-Z][a-z]{2},? \d/.test(given))
    return undefined;
  // Some say it without a zone: then it is told as if it were in UTC, and not in this machine's.
  const at = Date.parse(/^\d{4}-\d\d-\d\dT[\d:.]+$/.test(given) ? `${given}Z` : given);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
