import { z } from "zod";
import type { ThreadState } from "../graphs/read-state.ts";
import { textSchema } from "./read-request.ts";

const MEMBERS = [
  "values",
  "next",
  "tasks",
  "checkpoint",
  "metadata",
  "created_at",
  "parent_checkpoint",
  "interrupts",
] as const satisfies readonly (keyof ThreadState)[];

/** What can be asked for of a state: a member, or `values.` and the name of one value. */
export const stateMemberSchema = z.union(
  [z.enum(MEMBERS), textSchema.regex(/^values\../, "must be values. and a name")],
  `must be one of ${MEMBERS.join(", ")}, or values. and the name of a value`,
);

/** Of a state only what was asked for; all where nothing was. */
export function selected(state: ThreadState, members: readonly string[] | null | undefined): Partial<ThreadState> {
  if (members == null || members.length === 0) return state;
  const wanted = new Set(members);
  const picked: Partial<ThreadState> = Object.fromEntries(Object.entries(state).filter(([name]) => wanted.has(name)));
  const names = new Set(
    members.filter((name) => name.startsWith("values.")).map((name) => name.slice("values.".length)),
  );
  if (names.size === 0 || wanted.has("values")) return picked;
  const { values } = state;
  const entries = typeof values === "object" && values !== null ? Object.entries(values) : [];
  return { ...picked, values: Object.fromEntries(entries.filter(([name]) => names.has(name))) };
}
