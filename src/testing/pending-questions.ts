import type { StateSnapshot } from "@langchain/langgraph";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { digest } from "../policy/digest.ts";
import { questionOf } from "../policy/review/flavours/table.ts";
import { answerForGraph } from "../policy/review/normalise.ts";
import type { CanonicalDecision } from "../protocol/decision.ts";
import type { ReviewValue } from "../protocol/interrupt.ts";
import type { Json } from "../protocol/json.ts";
import type { AskedQuestion } from "./reviewers.ts";

/** A question that waits, and what the graph is given for an answer to it. */
export interface PendingQuestion extends AskedQuestion {
  answer(decisions: readonly CanonicalDecision[]): Json | undefined;
}

// Writes that say what happened to a task; any other write is its output.
const CONTROL_CHANNELS = new Set(["__error__", "__error_source_node__", "__interrupt__", "__resume__"]);

/** What a paused graph asks, or the breakpoints it stands at; `head` is the checkpoint that the state is of. */
export function pendingQuestions(state: StateSnapshot, head: CheckpointTuple | undefined): PendingQuestion[] {
  const writes = head?.pendingWrites ?? [];
  // A task whose question was answered, and which is done, is still among them until all others are done too.
  const finished = new Set(writes.flatMap(([id, channel]) => (CONTROL_CHANNELS.has(channel) ? [] : [id])));
  const open = state.tasks.filter(({ id }) => !finished.has(id));
  const asked = open.flatMap(({ name, interrupts }) =>
    interrupts.map(({ id = "", value, response_schema }) =>
      pending({ id, node: name, asks: true, value: jsonOf(value), schema: jsonOf(response_schema) }),
    ),
  );
  if (asked.length > 0 || finished.size > 0) return asked;
  return open
    .filter(({ error }) => error === undefined)
    .map(({ id, name }) => pending({ id, node: name, asks: false, value: null, schema: null }));
}

interface Pause {
  id: string;
  node: string;
  asks: boolean;
  value: Json;
  schema: Json;
}

function pending({ id, node, asks, value, schema }: Pause): PendingQuestion {
  const response_schema = schema as Record<string, Json> | null;
  const question = questionOf({ graph_id: "test", node, asks, value, response_schema });
  const { flavour, title, description, actions, shown } = question;
  const { key, evidence, policy } = (flavour === "review" ? value : {}) as Partial<ReviewValue>;
  return {
    id,
    node,
    flavour,
    key,
    title,
    description,
    actions,
    value,
    ...(evidence === undefined ? {} : { evidence }),
    ...(policy === undefined ? {} : { policy }),
    answer: (decisions) =>
      answerForGraph({ flavour, value, value_digest: digest(shown), actions, answers: null }, decisions),
  };
}

const jsonOf = (value: unknown) => JSON.parse(JSON.stringify(value ?? null) ?? "null") as Json;
