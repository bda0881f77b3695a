import type { Flavour } from "../../../protocol/interrupt.ts";
import { agentInbox } from "./agent-inbox.ts";
import { breakpoint } from "./breakpoint.ts";
import type { FlavourForm, Question, StoredPause } from "./form.ts";
import { hitl } from "./hitl.ts";
import { hitlPy } from "./hitl-py.ts";
import { raw } from "./raw.ts";
import { review } from "./review.ts";
import { schema } from "./schema.ts";

/** Every flavour, in the order in which a pause is held against them. */
export const FLAVOURS: Record<Flavour, FlavourForm> = {
  breakpoint,
  review,
  schema,
  hitl,
  hitl_py: hitlPy,
  agent_inbox: agentInbox,
  raw,
};

/** Which flavour a pause is of, and what it shows. */
export function questionOf(pause: StoredPause): Question & { flavour: Flavour } {
  for (const [flavour, form] of Object.entries(FLAVOURS) as [Flavour, FlavourForm][]) {
    const question = form.question(pause);
    if (question !== undefined) return { ...question, flavour };
  }
  throw new Error("no flavour takes this pause, although the last one takes every one");
}
