import type { leaveRemnant, RemnantRow } from "./prune.sql.ts";
import { parseBody, storedRefs } from "./tuple.ts";

/** What stays of a checkpoint that only delta channels of later ones need: of its values none but theirs. */
export function stripToRemnant(
  { checkpoint_ns, checkpoint_id, body, chains, seqs }: RemnantRow,
  deltaChannels: ReadonlySet<string>,
): Parameters<typeof leaveRemnant>[2] {
  const { refs, vals, ...fields } = parseBody(body);
  const stored = storedRefs(refs, chains, seqs).filter(({ channel }) => deltaChannels.has(channel));
  const names = stored.map(({ channel }) => channel);
  const inline = Object.entries(vals).filter(([channel]) => deltaChannels.has(channel));
  return {
    checkpoint_ns,
    checkpoint_id,
    channels: [...names, ...inline.map(([channel]) => channel)],
    chains: stored.length === 0 ? null : stored.map(({ chain }) => chain),
    seqs: stored.length === 0 ? null : stored.map(({ seq }) => seq),
    body: JSON.stringify({ ...fields, refs: names, vals: Object.fromEntries(inline) }),
  };
}
