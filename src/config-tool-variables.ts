import * as values from "./config-values.ts";
import { field } from "./config-values.ts";
import { ALLOW_NONE } from "./policy/private-address.ts";

/** The variables about the tools of workflows, by the name their value has in the configuration. */
export const TOOL_FIELDS = {
  toolAllow: field(
    "HOLDPOINT_TOOL_ALLOW",
    values.hostList(),
    ALLOW_NONE,
    "What tools of workflows may call although it is not on the internet.",
    "",
  ),
  search: field(
    "HOLDPOINT_SEARCH",
    values.searchProvider(),
    undefined,
    "Who searches the web for tools that name nobody: a SearXNG of your own, or one of two services.",
    "nobody",
  ),
  searchKey: field("HOLDPOINT_SEARCH_KEY", values.secret(), undefined, "The key of that service."),
  notifyTo: field(
    "HOLDPOINT_NOTIFY",
    values.notificationTargets(),
    [],
    "Whom workflows tell something that name nobody.",
    "nobody",
  ),
};
