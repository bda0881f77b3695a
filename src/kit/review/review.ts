import { interrupt, isInvalidResume } from "@langchain/langgraph";
import { z } from "zod";
import { canonicalJson } from "../../policy/canonical-json.ts";
import { digest } from "../../policy/digest.ts";
import { JSON_POINTER } from "../../policy/json-pointer.ts";
import { canonicalDecisions, checkDecisions } from "../../policy/review/normalise.ts";
import { type CanonicalDecision, decisionSchema } from "../../protocol/decision.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Fault } from "../../protocol/fault.ts";
import { type DecisionType, type ReviewAction, type ReviewValue, reviewValueSchema } from "../../protocol/interrupt.ts";
import type { Json } from "../../protocol/json.ts";
import { noteChanged } from "./changed-question.ts";
import { type ReviewTerms, shownTerms } from "./review-terms.ts";

type Args = Record<string, unknown>;

/** One action a person is asked about: what would be done, with which arguments, and what may be answered. */
export interface ActionOptions<Schema extends z.ZodType> {
  name: string;
  args: z.input<Schema>;
  /** What the arguments must be, as proposed and as edited; it bounds what a reviewer can change. */
  schema: Schema;
  /** Answers offered; approve, edit and reject unless given. */
  allowed?: readonly DecisionType[];
  /** What the value of a response must be. */
  response?: z.ZodType;
  /** JSON pointers an edit may change, such as "/amount"; all of them unless given. */
  editable_paths?: readonly string[];
  risk?: "low" | "medium" | "high";
  /** One sentence: what will happen if this is approved. */
  preview?: string;
  description?: string;
}

/** What a person is shown and asked. */
export interface ReviewOptions<Schemas extends readonly z.ZodType[]> extends ReviewTerms {
  /** Which question of the graph this is; kept with the review. */
  key: string;
  title: string;
  /** Markdown. It may hold text of customers and models: screens treat it as hostile. */
  description?: string;
  actions: readonly [...{ [Index in keyof Schemas]: ActionOptions<Schemas[Index]> }];
}

/** What a person decided about one action. `args` are the ones to act on: as shown, or as edited. */
export type ReviewDecision<Value> =
  | { action: number; type: "approve"; args: Value }
  | { action: number; type: "edit"; args: Value }
  | { action: number; type: "reject"; message?: string }
  | { action: number; type: "respond"; message?: string; value?: Json };

/** One decision per action, in the order of the actions. */
export type ReviewDecisions<Schemas extends readonly z.ZodType[]> = {
  [Index in keyof Schemas]: ReviewDecision<z.output<Schemas[Index]>>;
};

/**
 * Pauses the graph until a person has decided about every action. Keep it in a node of its own, between the node that
 * proposes and the node that executes: the node runs again when the answer comes, and an answer is only taken when
 * what is shown then is, byte for byte, what the person saw.
 */
export async function review<const Schemas extends readonly z.ZodType[]>(
  options: ReviewOptions<Schemas>,
): Promise<ReviewDecisions<Schemas>> {
  const question = questionOf(options);
  return question.decided(question.ask());
}

/** A question that is ready to be asked, and what its answer means. */
export interface Question<Schemas extends readonly z.ZodType[]> {
  /** What is shown. */
  value: ReviewValue;
  /** Pauses the graph, or gives the answer. */
  ask(): Answer;
  decided(answer: Answer): ReviewDecisions<Schemas>;
}

/** What `review()` asks, before it asks. */
export function questionOf<const Schemas extends readonly z.ZodType[]>(
  options: ReviewOptions<Schemas>,
): Question<Schemas> {
  // The tuple type is for the caller; inside, the actions are a list.
  const asked = options.actions as unknown as readonly ActionOptions<z.ZodType<Args>>[];
  const value = reviewValue(options.key, options, asked);
  return {
    value,
    ask: () => answerTo(value, asked),
    decided(answer) {
      const ordered = canonicalDecisions(answer.decisions, asked.length);
      if (!ordered.ok) throw refused(options.key, ordered.faults);
      return ordered.value.map((decision) => decided(decision, asked[decision.action]!)) as ReviewDecisions<Schemas>;
    },
  };
}

/** What a graph receives for a question. */
export type Answer = z.infer<typeof answerShape>;

function answerTo(value: ReviewValue, asked: readonly ActionOptions<z.ZodType<Args>>[]): Answer {
  let answered_digest: string | undefined;
  const responseSchema = answerSchema(value, asked, (digest) => {
    answered_digest = digest;
  });
  try {
    return interrupt<ReviewValue, Answer>(value, { responseSchema });
  } catch (error) {
    if (answered_digest !== undefined && isInvalidResume(error)) noteChanged(error, { value, answered_digest });
    throw error;
  }
}

// Checks only and changes nothing, so that what LangGraph stores and what the node reads are the same bytes.
const answerShape = z.object({ value_digest: z.string(), decisions: z.array(decisionSchema).min(1) });

function reviewValue(
  key: string,
  options: ReviewOptions<readonly z.ZodType[]>,
  asked: readonly ActionOptions<z.ZodType<Args>>[],
): ReviewValue {
  if (key === "" || options.title.trim() === "") throw invalid(key, "needs a key and a title");
  if (asked.length === 0) throw invalid(key, "asks about no action; give it at least one");
  const { key: _key, title: _title, description: _description, actions: _actions, ...terms } = options;
  const shown = {
    holdpoint: "review" as const,
    key,
    // Half a character, as a cut model stream leaves it, has no UTF-8 form and so no digest.
    title: options.title.toWellFormed(),
    description: (options.description ?? "").toWellFormed(),
    actions: asked.map((action, index) => actionValue(key, action, index)),
    ...shownTerms(key, terms),
  };
  const value = { ...shown, value_digest: digest(shown) };
  const parsed = reviewValueSchema.safeParse(value);
  if (!parsed.success) throw invalid(key, `cannot be asked: ${z.prettifyError(parsed.error)}`);
  return value;
}

// Workflows are run without their types being checked, and a misspelt limit would be none.
const ACTION_KEYS = {
  name: true,
  args: true,
  schema: true,
  allowed: true,
  response: true,
  editable_paths: true,
  risk: true,
  preview: true,
  description: true,
} satisfies Record<keyof ActionOptions<z.ZodType>, true>;

function actionValue(key: string, action: ActionOptions<z.ZodType<Args>>, index: number): ReviewAction {
  const unknown = Object.keys(action).find((name) => !Object.hasOwn(ACTION_KEYS, name));
  if (unknown !== undefined) throw invalid(key, `gives "${action.name}" the setting "${unknown}", which there is not`);
  const path = action.editable_paths?.find((pointer) => !JSON_POINTER.test(pointer));
  if (path !== undefined)
    throw invalid(key, `lets "${path}" of "${action.name}" be edited, which is no JSON pointer such as "/amount"`);
  const proposed = action.schema.safeParse(action.args);
  if (!proposed.success) {
    throw invalid(
      key,
      `proposes "${action.name}" with arguments its own schema refuses: ${z.prettifyError(proposed.error)}`,
    );
  }
  const args_schema = jsonSchemaOf(action.schema);
  // Left out rather than undefined: the value is stored as JSON and its digest is computed on both sides.
  return JSON.parse(
    canonicalJson({
      index,
      name: action.name,
      args: action.args,
      description: action.description?.toWellFormed(),
      allowed: [...(action.allowed ?? ["approve", "edit", "reject"])],
      args_schema,
      response_schema: action.response === undefined ? undefined : jsonSchemaOf(action.response),
      editable_paths: action.editable_paths === undefined ? undefined : [...action.editable_paths],
      risk: action.risk,
      preview: action.preview?.toWellFormed(),
    }),
  ) as ReviewAction;
}

const jsonSchemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Record<string, Json>;

function answerSchema(
  value: ReviewValue,
  asked: readonly ActionOptions<z.ZodType<Args>>[],
  onChanged: (answered_digest: string) => void,
) {
  return answerShape.superRefine((answer, context) => {
    if (answer.value_digest !== value.value_digest) {
      onChanged(answer.value_digest);
      context.addIssue({
        code: "custom",
        path: ["value_digest"],
        message: `the answer is for ${answer.value_digest}, this question is ${value.value_digest}: what was shown has changed`,
      });
      return;
    }
    for (const fault of faultsOf(answer.decisions, value, asked)) {
      context.addIssue({ code: "custom", path: fault.pointer.split("/").slice(1), message: fault.message });
    }
  });
}

function faultsOf(
  decisions: Answer["decisions"],
  value: ReviewValue,
  asked: readonly ActionOptions<z.ZodType<Args>>[],
): Fault[] {
  const ordered = canonicalDecisions(decisions, value.actions.length);
  if (!ordered.ok) return ordered.faults;
  const faults = checkDecisions(ordered.value, value.actions);
  if (faults.length > 0) return faults;
  // The zod schema may say more than its JSON Schema can: it has the last word.
  return ordered.value.flatMap((decision, position) => {
    const { schema, response } = asked[decision.action]!;
    const [part, checked] =
      decision.type === "edit"
        ? ["args", schema.safeParse(decision.args)]
        : ["value", decision.type === "respond" ? response?.safeParse(decision.value ?? decision.message) : undefined];
    const issues = checked === undefined || checked.success ? [] : checked.error.issues;
    return issues.map((issue) => ({
      pointer: ["", "decisions", position, part, ...issue.path].map(String).join("/"),
      message: issue.message,
    }));
  });
}

function decided(decision: CanonicalDecision, action: ActionOptions<z.ZodType<Args>>): ReviewDecision<Args> {
  switch (decision.type) {
    case "approve":
      return { action: decision.action, type: "approve", args: action.schema.parse(action.args) };
    case "edit":
      return { action: decision.action, type: "edit", args: action.schema.parse(decision.args) };
    case "reject":
    case "respond":
      return decision;
  }
}

function invalid(key: string, what: string): HoldpointError {
  return new HoldpointError("invalid", `review "${key}" ${what}`);
}

function refused(key: string, faults: Fault[]): HoldpointError {
  return new HoldpointError("invalid", `review "${key}" got an answer it cannot use: ${faults[0]?.message}`, {
    facts: { faults },
  });
}
