import { z } from "zod";

// Postgres holds no NUL characters, and a lone surrogate would be stored as another character.
const text = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine((value) => !value.includes("\0") && value.isWellFormed(), "must not contain NUL or half a character");
const words = text(10_000).refine((value) => value.trim() !== "", "must say something");
const principal_id = text(200).min(1);

/** Who is to decide it; null: nobody in particular. */
export const assignSchema = z.object({ to: principal_id.nullable() });

/** To whom an assignee hands it on. */
export const delegateSchema = z.object({ to: principal_id });

/** Until when it is out of sight; null: no longer. */
export const snoozeSchema = z.object({ until: z.iso.datetime({ offset: true }).nullable() });

/** What somebody says about it. */
export const commentSchema = z.object({ text: words });

/** What somebody wants to know, and of whom; nobody named: of whoever knows. */
export const askSchema = z.object({ question: words, to: principal_id.nullish() });

// It is shown in one line, as the groups of a policy are.
const group = text(200)
  .min(1)
  .refine((name) => !/[\u0000-\u001f\u007f]/.test(name), "must be text in one line");
const escalated = z.number().int().min(1).max(100).nullable();

/** Why it is escalated, and who is asked beside those of its next level; `level`: which one is meant, null for none. */
export const escalateSchema = z.object({
  reason: words,
  to: principal_id.nullish(),
  group: group.nullish(),
  level: escalated.optional(),
});

/** Who is asked now. */
export interface Escalated {
  /** Null: the policy names no further one. */
  level: number | null;
  to: { users: string[]; groups: string[] };
  /** True where nobody is named: whoever administers reviews has been told, and may decide it. */
  names_nobody: boolean;
}

/** What somebody does about a review that decides nothing. */
export type Act =
  | { type: "claim" }
  | { type: "release" }
  | { type: "view" }
  | { type: "assign"; to: string | null }
  | { type: "delegate"; to: string }
  /** An ISO moment in UTC. */
  | { type: "snooze"; until: string | null }
  | { type: "comment"; text: string }
  | { type: "answer"; text: string }
  | { type: "escalate"; reason: string; to: string | null; group: string | null; level?: number | null | undefined }
  | { type: "ask"; question: string; to: string | null };
