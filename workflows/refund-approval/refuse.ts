import type { State, Update } from "./state.ts";

/** What cannot be paid is not put before a person: the findings are the reason. */
export async function refuse(state: State): Promise<Update> {
  const reasons = state.findings.filter(({ weight }) => weight === "blocks").map(({ text }) => text);
  return { receipt: { status: "refused", reason: reasons.join(" ") } };
}
