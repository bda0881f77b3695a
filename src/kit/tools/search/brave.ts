import { askProvider, keyOf, listIn, providerAddress, type SearchKey, type SearchProvider } from "./provider.ts";

/** Where Brave's search is, and the key to it. */
export interface BraveOptions {
  key: SearchKey;
  /** Brave's own address unless given. */
  url?: string;
  /** Two letters. */
  country?: string;
}

const MOST = 20;

/** Searches by the Brave Search API. */
export function brave({
  key,
  url = "https://api.search.brave.com/res/v1/web/search",
  country,
}: BraveOptions): SearchProvider {
  const address = providerAddress("brave", url);
  return {
    name: "brave",
    scope: `${address.href} ${country ?? ""}`,
    async search({ query, count, signal }) {
      const page = new URL(address);
      page.searchParams.set("q", query);
      page.searchParams.set("count", String(Math.min(count, MOST)));
      page.searchParams.set("text_decorations", "false");
      if (country !== undefined) page.searchParams.set("country", country);
      const secret = { "x-subscription-token": await keyOf("brave", key) };
      const answer = await askProvider({ url: page, method: "GET", secret, signal });
      return listIn(answer, "web", "results").map((found) => ({
        title: found["title"],
        url: found["url"],
        snippet: found["description"],
        published: found["page_age"],
      }));
    },
  };
}
