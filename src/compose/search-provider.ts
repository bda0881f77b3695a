import type { Config } from "../config.ts";
import { brave } from "../kit/tools/search/brave.ts";
import type { SearchProvider } from "../kit/tools/search/provider.ts";
import { configuredSearxng } from "../kit/tools/search/searxng.ts";
import { tavily } from "../kit/tools/search/tavily.ts";
import { HoldpointError } from "../protocol/errors.ts";

/** Who searches the web for the tools of this installation; nobody unless configured. Throws `configuration_invalid`. */
export function searchProvider({
  search,
  searchKey: key,
}: Pick<Config, "search" | "searchKey">): SearchProvider | undefined {
  if (search === undefined) return undefined;
  if (search.provider === "searxng") return configuredSearxng(search.url);
  if (key === undefined) {
    throw new HoldpointError(
      "configuration_invalid",
      `HOLDPOINT_SEARCH is ${search.provider}, which needs HOLDPOINT_SEARCH_KEY`,
    );
  }
  return search.provider === "brave" ? brave({ key }) : tavily({ key });
}
