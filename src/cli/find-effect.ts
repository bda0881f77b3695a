import { z } from "zod";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { matchPrefix, parseId } from "./id-prefix.ts";

const CANDIDATES_AT_MOST = 100;

const effectWire = z.looseObject({
  effect_id: z.string(),
  name: z.string(),
  kind: z.string(),
  status: z.string(),
  call_key: z.string(),
  thread_id: z.string(),
  run_id: z.string(),
  graph_id: z.string().nullable(),
  attempt: z.number(),
  intent_at: z.string(),
  started_at: z.string().nullable(),
  held_until: z.string().nullable(),
  not_after: z.string(),
  receipt_at: z.string().nullable(),
  error: z.string().nullable(),
  settled_by: z.string().nullable(),
  settled_because: z.string().nullable(),
  review_id: z.string().nullable(),
});
const pageWire = z.looseObject({ effects: z.array(effectWire), next: z.string().nullable() });

/** An effect, as the commands read it. */
export type EffectView = z.infer<typeof effectWire>;

/** An effect with what it was given and what it gave. */
export const shownEffectWire = effectWire.extend({ args: z.unknown(), result: z.unknown() });

/** Effects by filter, newest first. */
export async function listEffects(
  api: Api,
  query: Readonly<Record<string, string | number | undefined>>,
): Promise<EffectView[]> {
  return (await api.request("GET", "/effects", pageWire, { query })).body.effects;
}

/** The id that an id, or the beginning of one, names. */
export async function findEffectId(api: Api, text: string): Promise<string> {
  const id = parseId(text, "effect");
  if (id.isWhole) return id.prefix;
  const found = await listEffects(api, { id_prefix: id.prefix, limit: CANDIDATES_AT_MOST });
  const match = matchPrefix(
    id,
    found,
    ({ effect_id }) => effect_id,
    ({ status, name }) => `${status}  ${name}`,
    "effect",
  );
  if (match !== undefined) return match.effect_id;
  throw new CommandError(EXIT.failed, `there is no effect whose id begins with ${id.prefix}: see "holdpoint effects"`);
}
