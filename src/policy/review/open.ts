import { createHash } from "node:crypto";
import { type Flavour, type PendingInterrupt, type ReviewAction, reviewValueSchema } from "../../protocol/interrupt.ts";
import { isWellFormedJson, type Json } from "../../protocol/json.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";
import { digest } from "../digest.ts";

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
  checkpoint_id: string;
  policyOf: PolicyOf;
}

/** What surrounds a question, by what it is about. */
export type PolicyOf = (question: AskedQuestion) => ReviewPolicy;

/** What a policy can go by. */
export interface AskedQuestion {
  graph_id: string;
  node: string;
  flavour: Flavour;
  actions: readonly ReviewAction[];
}

/** Turns a pending interrupt or a static breakpoint into what a person is shown, with the digests that bind an answer to it. */
export function reviewRequest(pause: PendingInterrupt, context: PauseContext): ReviewRequest {
  const value = jsonOf(pause.value);
  const response_schema = (pause.response_schema ?? null) as Record<string, Json> | null;
  const shown = shownOf(pause, value, response_schema, context.graph_id);
  const { graph_id } = context;
  const policy = context.policyOf({ graph_id, node: pause.node, flavour: shown.flavour, actions: shown.actions });
  const policy_digest = digest(policy as unknown as Json);
  const bound = {
    value_digest: shown.value_digest,
    actions_digest: digestAny(shown.actions as unknown as Json),
    checkpoint_id: context.checkpoint_id,
    graph_fingerprint: context.graph_fingerprint,
    policy_digest,
  };
  return {
    ...shown,
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
  if (pause.interrupt_id === null) return breakpointShown(pause.node, graph_id);
  const review = reviewValueSchema.safeParse(value);
  // review() always sends a schema, which refuses an answer to anything else than what was shown. Without one it is a
  // plain interrupt() that looks like a review, such as a model could write.
  if (review.success && schema !== null) {
    // What is stored and shown is the digest of what is stored and shown, whatever the graph says it is.
    const { value_digest: _claimed, ...rest } = value as Record<string, Json>;
    const { title, description, actions } = review.data;
    return { flavour: "review", title, description, actions, value_digest: digestAny(rest) };
  }
  const flavour = schema === null ? "raw" : "schema";
  const answer: ReviewAction = {
    index: 0,
    name: pause.node,
    args: value,
    allowed: ["respond"],
    ...(schema === null ? {} : { args_schema: schema }),
    preview: `The value you send is given to the node "${pause.node}" as it is.`,
  };
  return {
    flavour,
    title: `${graph_id}: "${pause.node}" asks`,
    description: "",
    actions: [answer],
    value_digest: digestAny(value),
  };
}

function breakpointShown(node: string, graph_id: string): Shown {
  const action: ReviewAction = {
    index: 0,
    name: node,
    args: null,
    allowed: ["approve"],
    preview: `The node "${node}" runs.`,
  };
  return {
    flavour: "breakpoint",
    title: `${graph_id}: paused before "${node}"`,
    description: "",
    actions: [action],
    value_digest: digest(null),
  };
}

/** Like `digest`, and for the strings RFC 8785 has no form for (lone surrogates) over their escaped JSON text. */
function digestAny(value: Json): string {
  if (isWellFormedJson(value)) return digest(value);
  return `sha256:${createHash("sha256").update(JSON.stringify(value)).digest("hex")}`;
}
