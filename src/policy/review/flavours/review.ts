import type { z } from "zod";
import { decisionSchema } from "../../../protocol/decision.ts";
import { reviewValueSchema } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import { type FlavourForm, NO_MORE_CHECKS } from "./form.ts";
import { MAX_ACTIONS } from "./hitl-request.ts";
import { isRecord, own } from "./shape.ts";

const answerSchema = decisionSchema.array().min(1).max(MAX_ACTIONS);
const EXPECTED = 'expected {"decisions": [{"type": "approve" | "edit" | "reject" | "respond", …}]}';

/** Our own `review()`. */
export const review: FlavourForm = {
  ...NO_MORE_CHECKS,
  question({ value, response_schema }) {
    const parsed = reviewValueSchema.safeParse(value);
    // review() always sends a schema, which refuses an answer to anything else than what was shown. Without one it is a
    // plain interrupt() that looks like a review, such as a model could write.
    if (!parsed.success || response_schema === null) return undefined;
    // What is stored and shown is the digest of what is stored and shown, whatever the graph says it is.
    const { value_digest: _claimed, ...shown } = value as Record<string, Json>;
    const { title, description, actions } = parsed.data;
    return { title, description, actions, shown };
  },
  fromResume(resume, _actions, at) {
    const sent = isRecord(resume) ? own(resume, "decisions") : undefined;
    const parsed = answerSchema.safeParse(sent);
    if (!parsed.success) return { ok: false, faults: parsed.error.issues.map((issue) => faultOf(issue, sent, at)) };
    const each = parsed.data.map((_decision, position) => {
      const self = `${at}/decisions/${position}`;
      const [args, name, message, value] = ["args", "name", "message", "value"].map((key) => `${self}/${key}`) as [
        string,
        string,
        string,
        string,
      ];
      return { self, args, name, message, value };
    });
    return { ok: true, value: parsed.data, places: { all: `${at}/decisions`, each } };
  },
  toGraph: ({ value_digest }, decisions) => ({ value_digest, decisions: decisions as unknown as Json[] }),
};

function faultOf({ path, message }: z.core.$ZodIssue, sent: unknown, at: string) {
  const within = path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  return { pointer: `${at}/decisions${within}`, message: Array.isArray(sent) ? message : EXPECTED };
}
