import { RequestFailed } from "../http/failure.ts";
import { askProvider, keyOf, listIn, providerAddress, type SearchKey, type SearchProvider } from "./provider.ts";

/** Where Tavily's search is, and the key to it. */
export interface TavilyOptions {
  key: SearchKey;
  /** Tavily's own address unless given. */
  url?: string;
  topic?: "general" | "news";
}

const MOST = 20;
// Its own: the plan, or what may be paid beyond it, is used up.
const USED_UP = new Set([432, 433]);

/** Searches by the Tavily API. */
export function tavily({ key, url = "https://api.tavily.com/search", topic }: TavilyOptions): SearchProvider {
  const address = providerAddress("tavily", url);
  return {
    name: "tavily",
    scope: `${address.href} ${topic ?? ""}`,
    async search({ query, count, signal }) {
      const body = { query, max_results: Math.min(count, MOST), ...(topic === undefined ? {} : { topic }) };
      const secret = { authorization: `Bearer ${await keyOf("tavily", key)}` };
      const answer = await askProvider({ url: address, method: "POST", body, secret, signal }).catch(
        (error: unknown) => {
          const isUsedUp = error instanceof RequestFailed && USED_UP.has(error.facts.status ?? 0);
          throw isUsedUp ? new RequestFailed(error.message, { ...error.facts, class: "budget" }) : error;
        },
      );
      return listIn(answer, "results").map((found) => ({
        title: found["title"],
        url: found["url"],
        snippet: found["content"],
        published: found["published_date"],
      }));
    },
  };
}
