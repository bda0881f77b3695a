import { z } from "zod";
import { HoldpointError } from "../protocol/errors.ts";
import type { AskedModel } from "./asked-model.ts";

const LONGEST_WAIT_MS = 3_600_000;
const waitMs = z.number().min(0).max(LONGEST_WAIT_MS);
const tokens = z.int().min(0);
const text = z.union([
  z
    .string()
    .min(1)
    .refine((written) => compiled(written) !== null, "is no regular expression"),
  z.instanceof(RegExp),
]);

const whenSchema = z.union([
  text,
  z.strictObject({
    /** What the user said last holds this; a text written as "/…/i" is a regular expression. */
    text: text.optional(),
    /** The model that is asked. */
    model: z.string().min(1).optional(),
  }),
]);

const usageSchema = z.strictObject({ input_tokens: tokens, output_tokens: tokens, cached_tokens: tokens.default(0) });

const stepSchema = z.strictObject({
  when: whenSchema.optional(),
  times: z.int().min(1).optional(),
  json: z.unknown().optional(),
  text: z.string().optional(),
  tool_calls: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        args: z.record(z.string(), z.unknown()).default({}),
        id: z.string().min(1).optional(),
      }),
    )
    .min(1)
    .max(128)
    .optional(),
  status: z.int().min(400).max(599).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  message: z.string().optional(),
  code: z.string().optional(),
  hang: z.literal(true).optional(),
  cut: z.union([z.literal(true), z.int().min(0)]).optional(),
  malformed: z.enum(["content", "body"]).optional(),
  slow: z.strictObject({ first_byte_ms: waitMs.default(0), between_ms: waitMs.default(0) }).optional(),
  usage: usageSchema.optional(),
});

/** What a model said it has used. */
export type StepUsage = z.output<typeof usageSchema>;

/** One step of a script, checked. */
export type CheckedStep = z.output<typeof stepSchema>;

/**
 * What a scripted model does when it is asked: one of `json`, `text` and `tool_calls`, or of `status` and `hang`; without any
 * of them it makes up the smallest answer that fits. An answer may be `slow`, `cut` or `malformed`.
 */
export interface ModelStep {
  /** Only when the last words of the user hold this, or when such a model is asked; then any number of times. */
  when?: string | RegExp | { text?: string | RegExp; model?: string };
  /** How often it is used: once unless given, or unless it says when. */
  times?: number;
  /** Answers with this as JSON: as content, or as the arguments of the tool that has to be called. */
  json?: unknown;
  /** Answers with this text. */
  text?: string;
  /** Asks for these calls, beside `text` where there is any. */
  tool_calls?: { name: string; args?: Record<string, unknown>; id?: string }[];
  /** Answers with an HTTP error in OpenAI's form. */
  status?: number;
  headers?: Record<string, string>;
  message?: string;
  code?: string;
  /** Never answers. */
  hang?: true;
  /** Drops the connection after so many pieces of the answer; true after the first, 0 before anything is sent. */
  cut?: true | number;
  /** Breaks off the JSON of the content, or of the whole body. */
  malformed?: "content" | "body";
  slow?: { first_byte_ms?: number; between_ms?: number };
  /** What is said to have been used; counted unless given. */
  usage?: { input_tokens: number; output_tokens: number; cached_tokens?: number };
}

/** A text written as "/…/i" as the regular expression it is; undefined for every other text, null for a broken one. */
export function compiled(written: string): RegExp | undefined | null {
  const [, source, flags] = /^\/(.+)\/([imsu]*)$/s.exec(written) ?? [];
  if (source === undefined) return undefined;
  try {
    return new RegExp(source, flags);
  } catch {
    return null;
  }
}

/** A step, or what makes one of what was asked. */
export type ScriptStep = ModelStep | ((asked: AskedModel) => ModelStep);

/** Checks a step. `pointer` says where it stands. */
export function checkStep(step: unknown, pointer: string): CheckedStep {
  const parsed = stepSchema.safeParse(step, { reportInput: true });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const unknown = issue?.code === "unrecognized_keys" ? `/${issue.keys[0]}` : "";
    throw invalid(`${pointer}${pointerOf(issue?.path ?? [])}${unknown}`, wordsOf(issue));
  }
  const fault = contradiction(parsed.data);
  if (fault !== undefined) throw invalid(pointer, fault);
  return parsed.data;
}

/** A script as a file holds it: the list of its steps, or an object with `steps`. */
export function readScript(value: unknown): CheckedStep[] {
  const steps = Array.isArray(value) ? value : (value as { steps?: unknown } | null)?.steps;
  const root = Array.isArray(value) ? "" : "/steps";
  if (!Array.isArray(steps)) throw invalid(root === "" ? "" : "/steps", "has to be a list of steps");
  return steps.map((step, index) => checkStep(step, `${root}/${index}`));
}

const ANSWERS = ["json", "text", "tool_calls", "status", "hang"] as const;

function contradiction(step: CheckedStep): string | undefined {
  const given = ANSWERS.filter((name) => step[name] !== undefined);
  const isTextBesideCalls = given.length === 2 && step.text !== undefined && step.tool_calls !== undefined;
  if (given.length > 1 && !isTextBesideCalls) return `answers with ${given.join(" and ")}; give one of them`;
  const ofStatus = (["headers", "message", "code"] as const).find((name) => step[name] !== undefined);
  if (ofStatus !== undefined && step.status === undefined) return `has ${ofStatus}, which goes with status only`;
  const ends = step.status !== undefined ? "status" : step.hang === true ? "hang" : undefined;
  if (ends !== undefined && (step.cut !== undefined || step.malformed !== undefined))
    return `has ${step.cut === undefined ? "malformed" : "cut"} beside ${ends}, which gives no answer`;
  if (step.cut !== undefined && step.malformed !== undefined) return "is cut and malformed; give one of them";
  return undefined;
}

function invalid(pointer: string, what: string): HoldpointError {
  return new HoldpointError("invalid", `the script ${pointer === "" ? "" : `at ${pointer} `}${what}`, {
    facts: { pointer },
  });
}

const pointerOf = (path: readonly PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function wordsOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "is not valid";
  if (issue.code === "unrecognized_keys") return `is no member of a step; those are ${KEYS.join(", ")}`;
  const seen = JSON.stringify(issue.input)?.slice(0, 80) ?? String(issue.input);
  return `is ${seen}: ${issue.message}`;
}

const KEYS = Object.keys(stepSchema.shape);
