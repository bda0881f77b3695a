import { RequestFailed } from "../http/failure.ts";
import { askProvider, listIn, providerAddress, type SearchProvider } from "./provider.ts";

/** A SearXNG of one's own. */
export interface SearxngOptions {
  /** Where it is, such as `https://searxng.example.com`. It has to offer the format `json`. */
  url: string;
  /** As it takes it, such as `en`; its own choice unless given. */
  language?: string;
  /** Whether whoever runs the server has named the address: then it may be private. */
  isConfigured?: boolean;
}

/** Searches by a SearXNG of one's own. */
export function searxng({ url, language, isConfigured = false }: SearxngOptions): SearchProvider {
  const base = providerAddress("searxng", url);
  return {
    name: "searxng",
    scope: `${base.href} ${language ?? ""}`,
    async search({ query, signal }) {
      const page = new URL(`${base.origin}${base.pathname.replace(/\/+$/, "")}/search`);
      page.searchParams.set("q", query);
      page.searchParams.set("format", "json");
      if (language !== undefined) page.searchParams.set("language", language);
      const answer = await askProvider({ url: page, method: "GET", signal, isConfigured }).catch((error: unknown) => {
        throw error instanceof RequestFailed && error.facts.status === 403 ? formatMissing(error) : error;
      });
      return listIn(answer, "results").map(({ title, url: at, content, publishedDate }) => ({
        title,
        url: at,
        snippet: content,
        published: publishedDate,
      }));
    },
  };
}

// An instance as it is installed answers pages only, and says nothing else about it.
const formatMissing = ({ facts, message }: RequestFailed) =>
  new RequestFailed(`${message} (does its settings.yml have json among search.formats?)`, facts);
