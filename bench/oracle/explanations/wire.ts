import type { Explanation } from "../explain.ts";

/** Headers that every answer has, or every answer of a kind. */
export const HEADERS: readonly Explanation[] = [
  {
    what: "pages of other origins may read answers",
    why: "On a loopback address every caller is the owner, and a browser lends that to every page it shows. `HOLDPOINT_CORS_ORIGINS` names the pages that may ask; they get these headers, `Location` among those exposed.",
    where: /headers\.access-control-/,
  },
  {
    what: "character set of JSON and text",
    why: "It is named, so that nobody has to guess.",
    where: /headers\.content-type$/,
    ours: /charset=utf-8/,
  },
  {
    what: "what may be kept on the way",
    why: "Answers are somebody's data: caches are told to keep nothing, and what has the address of a page too to look at `Accept`.",
    where: /headers\.(cache-control|vary)$/,
  },
  {
    what: "content types are not guessed",
    why: "A state may hold anything; no browser should take it for a page.",
    where: /headers\.x-content-type-options$/,
  },
  { what: "id of the request", why: "It is in the log too.", where: /headers\.x-request-id$/ },
  {
    what: "code of an error",
    why: "Programs read it; the body stays the plain text that the clients show.",
    where: /headers\.x-holdpoint-error$/,
  },
  {
    what: "`Location` of runs that are watched or waited for",
    why: "It is where a client comes back to when its connection breaks; without it the SDK never does.",
    where: /headers\.location$/,
  },
  {
    what: "buffering on the way",
    why: "A proxy that gathers a stream would show everything at its end.",
    where: /headers\.x-accel-buffering$/,
  },
  {
    what: "`Content-Location` of a joined stream",
    why: "Whoever joins is told where the run is like whoever started it.",
    where: /headers\.content-location$/,
    dev: /absent/,
  },
  {
    what: "pages of a search",
    why: "The total is of all that match, and the next offset comes where there is more; the development server adds up what it was asked for.",
    where: /headers\.x-pagination-/,
  },
];

/** The words of errors, and statuses of what is wrong in itself. */
export const REFUSALS: readonly Explanation[] = [
  {
    what: "status of a request that is wrong in itself",
    why: "422 and a line for each fault, with its place as a JSON pointer, as the production server's specification has it; the development server answers 400 with a dump of its validator.",
    where: /\.status$/,
    dev: /"status":400/,
    ours: /"status":422/,
  },
  {
    what: "an address where there is nothing",
    why: "An address of nobody's is told as JSON; errors of the API stay the plain text that the clients show.",
    where: /nothing there\[0\]\.body$/,
  },
  {
    what: "a method that is not served",
    why: "405 names those that are.",
    where: /\.status$/,
    dev: /"status":404/,
    ours: /"status":405/,
  },
  {
    what: "a page of another origin asks beforehand",
    why: "Of pages that `HOLDPOINT_CORS_ORIGINS` does not name, none is let in.",
    where: /asked beforehand\[0\]\.status$/,
  },
  {
    what: "words of errors",
    why: "They begin as the clients know them and go on with what was seen and what to do.",
    where: /\]\.body$/,
    dev: /^"(?!\(absent)[A-Z]/,
    ours: /^"(?!\(absent)/,
  },
];
