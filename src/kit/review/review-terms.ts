import { z } from "zod";
import { canonicalJson } from "../../policy/canonical-json.ts";
import { statedTerms, TERMS } from "../../policy/review/policy-terms.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { type DecisionType, evidenceSchema, type ReviewValue } from "../../protocol/interrupt.ts";
import { type Risk, reviewPolicySchema, type StatedTerms } from "../../protocol/review-policy.ts";

/** A span of time: 90s, 30m, 4h, 3d, 2w. */
export type Span = `${number}${"s" | "m" | "h" | "d" | "w"}`;

/** People and groups by name; at least one. */
export interface AskedPeople {
  users?: readonly string[];
  groups?: readonly string[];
}

/** Who decides, until when, and what happens otherwise; the operator's policy file has a say in it too. */
export interface ReviewTerms {
  /** How much harm a wrong answer does. */
  risk?: Risk;
  /** 0 to 100; 50 unless given. */
  priority?: number;
  /** What the reviewer can check for themselves. */
  evidence?: readonly Evidence[];
  /** Who is asked; everybody who may decide at all unless given. */
  candidates?: AskedPeople;
  /** How long there is to decide it. */
  due?: Span;
  /** The same in seconds; not beside `due`. */
  due_after_seconds?: number;
  /** How long before it is due those who are asked are reminded. */
  reminders?: readonly Span[];
  /** Who else is asked, and how long after it was due; without `to` those who administer reviews. */
  escalations?: readonly { after: Span; to?: AskedPeople }[];
  /** How long after the last escalation it ends. */
  ends_after?: Span;
  /** What its end does when nobody has decided. `approve` needs the operator's policy file to allow it. */
  on_timeout?: "fail" | "reject" | "approve" | "keep";
  /** Decisions that are taken with a comment only. */
  require_comment?: readonly DecisionType[];
  /** Reasons to choose from when rejecting. */
  reject_options?: readonly { code: string; title: string; message?: string }[];
  /** Who is told of what happens to it. */
  notify?: { webhooks?: readonly string[]; mail?: readonly string[] };
  /** How often it may be sent back to the graph before its run fails. */
  max_revisions?: number;
}

/** Something the reviewer can check for themselves. */
export type Evidence = z.infer<typeof evidenceSchema>;

const MOST_EVIDENCE = 100;
const termsSchema = z
  .strictObject({
    ...TERMS,
    due_after_seconds: reviewPolicySchema.shape.due_after_seconds.optional(),
    evidence: z.array(z.strictObject(evidenceSchema.shape)).max(MOST_EVIDENCE).optional(),
  })
  .refine(({ due, due_after_seconds }) => due === undefined || due_after_seconds === undefined, {
    path: ["due_after_seconds"],
    message: "say it once: due or due_after_seconds",
  });

/** The terms as they are shown and digested: seconds for spans, and nothing that was not said. */
export function shownTerms(key: string, terms: ReviewTerms): Pick<ReviewValue, "evidence" | "policy"> {
  const parsed = termsSchema.safeParse(terms);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
    throw new HoldpointError("invalid", `review "${key}" cannot be asked: ${faults.join("; ")}`);
  }
  const { evidence, due_after_seconds, ...rest } = parsed.data;
  const stated: StatedTerms = {
    ...statedTerms(rest),
    ...(due_after_seconds === undefined ? {} : { due_after_seconds }),
  };
  const shown = {
    ...(evidence === undefined ? {} : { evidence: evidence.map(wellFormed) }),
    ...(Object.keys(stated).length === 0 ? {} : { policy: stated }),
  };
  // What JSON has no form for is left out rather than undefined: the digest is computed on both sides.
  return JSON.parse(canonicalJson(shown)) as Pick<ReviewValue, "evidence" | "policy">;
}

// It quotes customers and models; half a character, as a cut stream leaves it, has no digest.
function wellFormed({ kind, label, ref, sha256 }: Evidence): Evidence {
  return { kind, label: label.toWellFormed(), ref: ref.toWellFormed(), ...(sha256 === undefined ? {} : { sha256 }) };
}
