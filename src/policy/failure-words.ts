import type { Classified } from "./error-class.ts";

/** Says in a few words why somebody who was asked over the network gave nothing; "it" is who was asked. */
export function failureWords({ class: kind, status, code }: Classified): string {
  if (kind === "budget") return code === "budget_exceeded" ? "the budget is used up" : "the account with it is empty";
  if (status === 429) return "it refused for too many requests (HTTP 429)";
  if (status !== undefined) return `it answered with HTTP ${status}`;
  const because = code === undefined ? "" : ` (${code})`;
  switch (kind) {
    case "rate_limit":
      return `too many requests are made to it${because}`;
    case "timeout":
      return "it did not answer in time";
    case "provider":
      return code === "breaker_open"
        ? "it has failed too often and is left alone"
        : `the connection to it failed${because}`;
    case "validation":
      return `it could not use what it was asked${because}`;
    case "permission":
      return `it may not be used${because}`;
    case "tool":
    case "bug":
      return `it failed${because}`;
  }
}
