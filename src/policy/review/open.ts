import { createHash } from "node:crypto";
import type { Flavour, PendingInterrupt, ReviewAction } from "../../protocol/interrupt.ts";
import { isWellFormedJson, type Json } from "../../protocol/json.ts";
import type { ReviewPolicy, StatedTerms } from "../../protocol/review-policy.ts";
import { digest } from "../digest.ts";
import { noteOfCallsBeside } from "./flavours/calls-beside.ts";
import { storable } from "./flavours/shape.ts";
import { questionOf } from "./flavours/table.ts";
import { actionsUnder } from "./policy-actions.ts";
import { statedIn } from "./policy-terms.ts";

/** A pause as a reviewer is shown it. */
export interface ReviewRequest {
  flavour: Flavour;
  node: string;
  task_id: string;
  interrupt_id: string | null;
  asking_ns: string | null;
  asking_checkpoint_id: string | null;
  asking_task_id: string | null;
  ordinal: number;
  title: string;
  description: string;
  value: Json;
  response_schema: Record<string, Json> | null;
  actions: ReviewAction[];
  value_digest: string;
  policy: ReviewPolicy;
  policy_digest: string;
  request_digest: string;
}

/** Where the thread stands when it pauses. */
export interface PauseContext {
  graph_id: string;
  graph_fingerprint: string;
  guarded: boolean;
  checkpoint_id: string;
  /** The thread's values, where they are at hand. */
  values?: unknown;
  policyOf: PolicyOf;
}

/** What surrounds a question, by what it is about. */
export type PolicyOf = (question: AskedQuestion) => ReviewPolicy;

/** What a policy can go by. */
export interface AskedQuestion {
  graph_id: string;
  guarded: boolean;
  node: string;
  flavour: Flavour;
  /** As the graph offers them. */
  actions: readonly ReviewAction[];
  /** What `review()` says of it itself. */
  stated: StatedTerms | null;
}

/** Turns a pending interrupt or a static breakpoint into what a person is shown, with the digests that bind an answer to it. */
export function reviewRequest(pause: PendingInterrupt, context: PauseContext): ReviewRequest {
  const value = jsonOf(pause.value);
  const response_schema = (pause.response_schema ?? null) as Record<string, Json> | null;
  const shown = shownOf(pause, value, response_schema, context.graph_id);
  const { graph_id, guarded } = context;
  const { flavour } = shown;
  const stated = flavour === "review" ? statedIn(value) : null;
  const policy = context.policyOf({ graph_id, guarded, node: pause.node, flavour, actions: shown.actions, stated });
  const actions = actionsUnder(policy, flavour, shown.actions);
  const policy_digest = digest(policy as unknown as Json);
  const bound = {
    value_digest: shown.value_digest,
    actions_digest: digestAny(actions as unknown as Json),
    checkpoint_id: context.checkpoint_id,
    graph_fingerprint: context.graph_fingerprint,
    policy_digest,
  };
  const note = noteOfCallsBeside(flavour, shown.actions, context.values);
  return {
    ...shown,
    description: storable([shown.description, note].filter((text) => text !== "").join("\n\n")),
    actions,
    node: pause.node,
    task_id: pause.task_id,
    interrupt_id: pause.interrupt_id,
    asking_ns: pause.asking?.asking_ns ?? null,
    asking_checkpoint_id: pause.asking?.asking_checkpoint_id ?? null,
    asking_task_id: pause.asking?.asking_task_id ?? null,
    ordinal: pause.ordinal,
    value,
    response_schema,
    policy,
    policy_digest,
    request_digest: digest(bound),
  };
}

/** The digest of what a pause shows now, as `reviewRequest` would state it. */
export function shownDigest(pause: PendingInterrupt, graph_id: string): string {
  const value = jsonOf(pause.value);
  const schema = (pause.response_schema ?? null) as Record<string, Json> | null;
  return shownOf(pause, value, schema, graph_id).value_digest;
}

/** As JSON shows it; what it has no form for at all (a function) is null. */
function jsonOf(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null) ?? "null") as Json;
}

type Shown = Pick<ReviewRequest, "flavour" | "title" | "description" | "actions" | "value_digest">;

function shownOf(pause: PendingInterrupt, value: Json, schema: Record<string, Json> | null, graph_id: string): Shown {
  const asks = pause.interrupt_id !== null;
  const stored = { graph_id, node: pause.node, asks, value, response_schema: schema };
  const { flavour, title, description, actions, shown } = questionOf(stored);
  const value_digest = digestAny(shown);
  return { flavour, title: storable(title), description: storable(description), actions, value_digest };
}

/** Like `digest`, and for the strings RFC 8785 has no form for (lone surrogates) over their escaped JSON text. */
function digestAny(value: Json): string {
  if (isWellFormedJson(value)) return digest(value);
  return `sha256:${createHash("sha256").update(JSON.stringify(value)).digest("hex")}`;
}
