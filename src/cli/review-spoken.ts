import { z } from "zod";
import type { Api } from "./api.ts";
import { formatMoment } from "./format.ts";
import { historyWire } from "./review-history.ts";
import { sanitiseLine, sanitiseText } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";
import type { Review } from "./wire.ts";

const SPOKEN: Readonly<Record<string, string>> = { commented: "", info_requested: " asks", info_given: " answers" };
const spokenSchema = z.looseObject({
  text: z.string().optional(),
  question: z.string().optional(),
  to: z.string().nullish(),
});

/** What people have said about a review, and asked each other. */
export async function spokenLines(api: Api, { id }: Review, { colours }: Terminal): Promise<string[]> {
  const path = `/reviews/${encodeURIComponent(id)}/history`;
  const { body } = await api.request("GET", path, historyWire);
  const lines = body.events.flatMap(({ kind, at, principal_id, body: said }) => {
    const spoken = spokenSchema.safeParse(said);
    if (!Object.hasOwn(SPOKEN, kind) || !spoken.success) return [];
    const { text, question, to } = spoken.data;
    const verb = SPOKEN[kind] + (kind === "info_requested" && to != null ? ` ${to}` : "");
    const words = sanitiseText((kind === "info_requested" ? question : text) ?? "").split("\n");
    return [
      colours.dim(sanitiseLine(`    ${formatMoment(at)}  ${principal_id}${verb}:`)),
      ...words.map((line) => `      ${colours.dim("│")} ${line}`.trimEnd()),
    ];
  });
  return lines.length === 0 ? [] : [colours.dim("  Said about it:"), ...lines, ""];
}
