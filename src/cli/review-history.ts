import { z } from "zod";
import { type Json, jsonSchema } from "../protocol/json.ts";
import { formatMoment, formatValue } from "./format.ts";
import { shortId } from "./id-prefix.ts";
import { describeDecision } from "./review-view.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";
import { renderPairs } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const text = z.string();

/** The history of a review, as it is read. */
export const historyWire = z.looseObject({
  review_id: text,
  title: text,
  status: text,
  outcome: text.nullish(),
  shown: z.looseObject({ request_digest: text }),
  decisions: z.array(
    z.looseObject({
      id: text,
      decisions: jsonSchema,
      diff: jsonSchema,
      binding: text,
      held: z.array(text),
      overrides: z.array(text),
    }),
  ),
  ran: z.array(
    z.looseObject({
      run_id: text,
      status: text.nullish(),
      error: jsonSchema.nullish(),
      effects: z.array(
        z.looseObject({
          effect_id: text,
          name: text,
          kind: text,
          status: text,
          attempt: z.number(),
          args: jsonSchema.optional(),
          result: jsonSchema.nullish(),
          error: text.nullish(),
        }),
      ),
    }),
  ),
  events: z.array(z.looseObject({ seq: z.number(), at: text, kind: text, principal_id: text, body: jsonSchema })),
  chain: z.looseObject({
    state: text,
    entries: z.number(),
    head: text.nullish(),
    fault: z.looseObject({ seq: z.number(), what: text, message: text }).nullish(),
  }),
});

/** The history of a review, as it is read. */
export type HistoryView = z.infer<typeof historyWire>;
type DecisionView = HistoryView["decisions"][number];

/** A history as a person reads it: what happened, in order; what was done then; and whether the record of it holds. */
export function historyLines(history: HistoryView, { colours }: Terminal): string[] {
  const { bold, dim } = colours;
  const outcome = history.outcome == null ? "" : ` (${history.outcome})`;
  return [
    dim(sanitiseLine(`review ${shortId(history.review_id)}  ${history.status}${outcome}`)),
    bold(sanitiseLine(history.title)),
    dim(sanitiseLine(`shown as ${history.shown.request_digest}`)),
    "",
    ...history.events.flatMap((event) => eventLines(history, event, colours)),
    ...history.ran.flatMap((run) => runLines(run, colours)),
    ...chainLines(history.chain, colours),
  ];
}

function eventLines(
  history: HistoryView,
  event: HistoryView["events"][number],
  colours: Terminal["colours"],
): string[] {
  const { bold, dim } = colours;
  const body = fieldsOf(event.body);
  const decision = history.decisions.find(({ id }) => id === body["decision_id"]);
  const pairs = decision === undefined || event.kind !== "decided" ? pairsOf(body) : decisionPairs(decision, body);
  return [
    `${dim(formatMoment(event.at))}  ${bold(sanitiseLine(event.kind.replaceAll("_", " ")))} by ${sanitiseLine(event.principal_id)}`,
    ...renderPairs(pairs, 4, dim),
  ];
}

/** What was decided, by which right, bound to what, and how that differs from what was proposed. */
function decisionPairs(decision: DecisionView, body: Record<string, Json>): [string, string][] {
  const { decisions, diff, held, overrides, binding } = decision;
  const made = Array.isArray(decisions) ? decisions.map((one) => describeDecision(fieldsOf(one))) : [];
  const changes = Array.isArray(diff) ? diff.map((change) => changeText(fieldsOf(change))) : [];
  const { comment, reason_code, channel, request_digest } = body;
  return [
    ["decision", made.join("\n")],
    ...(changes.length === 0 ? [] : [["changed", changes.join("\n")] as [string, string]]),
    ["held", sanitiseLine(held.join(", ")) || "not recorded"],
    ...(overrides.length === 0 ? [] : [["set aside", sanitiseLine(overrides.join(", "))] as [string, string]]),
    ["bound by", sanitiseLine(binding)],
    ...pairsOf({
      comment: comment ?? null,
      reason_code: reason_code ?? null,
      channel: channel ?? null,
      request_digest: request_digest ?? null,
    }),
  ];
}

/** One operation of a JSON patch. */
function changeText({ op, path, from, value }: Record<string, Json>): string {
  const source = from === undefined ? "" : ` from ${formatValue(from)}`;
  const target = value === undefined ? "" : `: ${formatValue(value)}`;
  return `${sanitiseLine(String(op))} ${sanitiseLine(String(path))}${source}${target}`;
}

function runLines(
  { run_id, status, error, effects }: HistoryView["ran"][number],
  colours: Terminal["colours"],
): string[] {
  const { bold, dim, yellow } = colours;
  const how = status == null ? "is not there any more" : `ended ${status}`;
  const words = status === "pending" || status === "running" ? `is ${status}` : how;
  return [
    `${bold("carried out")} by run ${shortId(run_id)}, which ${sanitiseLine(words)}`,
    ...(error == null ? [] : renderPairs([["error", formatValue(error)]], 4, dim)),
    ...(effects.length === 0 ? [dim("    nothing was done outside by an effect")] : []),
    ...effects.flatMap((effect) => {
      const times = effect.attempt === 1 ? "" : `, attempt ${effect.attempt}`;
      const state = effect.status === "receipt" ? dim(effect.status) : yellow(sanitiseLine(effect.status));
      return [
        `    ${bold(sanitiseLine(effect.name))}  ${state}${dim(sanitiseLine(`  ${effect.kind}${times}, ${effect.effect_id}`))}`,
        ...renderPairs(
          [
            ["arguments", effect.args === undefined ? "for who holds runs:read or audit:read" : safeJson(effect.args)],
            ...(effect.result == null ? [] : [["receipt", safeJson(effect.result)] as [string, string]]),
            ...(effect.error == null ? [] : [["error", formatValue(effect.error)] as [string, string]]),
          ],
          6,
          dim,
        ),
      ];
    }),
  ];
}

function chainLines(
  { state, entries, head, fault }: HistoryView["chain"],
  { dim, yellow }: Terminal["colours"],
): string[] {
  const end = head == null ? "" : ` It has ${entries} and ends with ${head}.`;
  if (fault == null) return [dim(sanitiseLine(`The chain of this history is ${state}.${end}`))];
  return [
    `${yellow("!")} ${sanitiseLine(`The chain of this history is ${state}: entry ${fault.seq}, ${fault.what}: ${fault.message}.`)}`,
  ];
}

function pairsOf(body: Record<string, Json>): [string, string][] {
  const pairs = Object.entries(body).filter(([, value]) => value !== null);
  return pairs.map(([name, value]) => [name, formatValue(value)]);
}

function fieldsOf(body: Json): Record<string, Json> {
  return typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
}
