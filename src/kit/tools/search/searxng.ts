import { RequestFailed } from "../http/failure.ts";
import { askProvider, listIn, providerAddress, type SearchProvider } from "./provider.ts";

/** A SearXNG of one's own. */
export interface SearxngOptions {
  /** Where it is, such as `https://searxng.example.com`. It has to offer the format `json`. */
  url: string;
  /** As it takes it, such as `en`; its own choice unless given. */
  language?: string;
}

/** Searches by a SearXNG of one's own. One that is not on the internet has to be named by HOLDPOINT_TOOL_ALLOW. */
export function searxng(options: SearxngOptions): SearchProvider {
  return searxngAt(options, false);
}

/** Searches by the SearXNG that whoever runs the server has named: it may be anywhere. */
export function configuredSearxng(url: string): SearchProvider {
  return searxngAt({ url }, true);
}

function searxngAt({ url, language }: SearxngOptions, isConfigured: boolean): SearchProvider {
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
