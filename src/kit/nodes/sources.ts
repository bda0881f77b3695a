import type { Json } from "../../protocol/json.ts";
import type { ToolOutcome } from "../../protocol/tool-outcome.ts";
import { plainText } from "../plain-json.ts";

/** What a tool has given, as an answer cites it. */
export interface Source {
  /** The call's id. */
  id: string;
  tool: string;
  step: string | null;
  args: Json;
  result: Json;
  /** `stored` when an earlier execution or a cache had it. */
  from: "live" | "stored";
}

/** One statement, and the ids of the sources that say so. */
export interface Claim {
  text: string;
  sources: readonly string[];
}

/** A statement that is no part of the answer, and why. */
export interface DroppedClaim {
  text: string;
  reason: string;
}

/** The calls that went well. Ids that are there twice are told apart. */
export function sourcesOf(outcomes: readonly ToolOutcome[]): Source[] {
  const used = new Set<string>();
  return outcomes
    .filter(({ ok }) => ok)
    .map(({ call_id, tool, step, args, result, from }) => {
      let id = call_id;
      // Bound: one more than there are sources.
      for (let count = 2; used.has(id); count += 1) id = `${call_id}#${count}`;
      used.add(id);
      return { id, tool, step, args, result, from };
    });
}

/** The claims that cite what there is, each source once; the others with the reason that they are dropped for. */
export function checkedClaims(claims: readonly Claim[], sources: readonly Source[]) {
  const known = new Set(sources.map(({ id }) => id));
  const kept: Claim[] = [];
  const dropped: DroppedClaim[] = [];
  for (const { text: given, sources: cited } of claims) {
    const text = plainText(given);
    const strange = cited.filter((id) => !known.has(id));
    if (cited.length === 0) dropped.push({ text, reason: "cites no source" });
    else if (strange.length === 0) kept.push({ text, sources: [...new Set(cited)] });
    else dropped.push({ text, reason: `cites ${plainText(strange.join(", "))}, which there is not` });
  }
  return { claims: kept, dropped };
}

const LONGEST_SOURCE = 20_000;
const LONGEST_SOURCES = 100_000;

/** The sources as a model is told of them: one line of JSON each, cut where they are long, that cannot close the marks around them. */
export function toldSources(sources: readonly Source[]): string {
  const most = Math.min(LONGEST_SOURCE, Math.floor(LONGEST_SOURCES / sources.length));
  return sources
    .map(({ id, tool, args, result }) => {
      const text = JSON.stringify(result);
      const told = text.length <= most ? { result } : { result_begins: text.slice(0, most), characters: text.length };
      return plainText(JSON.stringify({ id, tool, args, ...told }).replaceAll("<", "\\u003c"));
    })
    .join("\n");
}
