import { failpoint } from "../failpoint.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { threadOfEffect } from "./access.sql.ts";
import { runAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { selectEffect } from "./effect-list.sql.ts";
import { recallHeld } from "./effects.sql.ts";
import { lockThreadShared } from "./threads.sql.ts";

/** Who calls back which effect, and why. */
export interface RecallEffect {
  tenant_id: string;
  effect_id: string;
  principal_id: string;
  reason: string;
}

/**
 * T-recall: calls back an effect that is held. Locks: thread advisory lock (shared), effect, audit. Its row decides between
 * this and its start: whoever moves it from `held` first. Throws `not_found`, `effect_settled`.
 */
export async function recallEffect(database: Database, request: RecallEffect): Promise<void> {
  const { tenant_id, effect_id, principal_id, reason } = request;
  await database.transaction(async (tx) => {
    const place = await tx.maybeOne(threadOfEffect(tenant_id, effect_id));
    if (place === undefined) throw noEffect(effect_id);
    const { thread_id } = place;
    const [, [recalled]] = await tx.pipeline([
      lockThreadShared(thread_id),
      recallHeld(tenant_id, thread_id, effect_id, principal_id, reason),
    ]);
    if (recalled === undefined) throw settled(await tx.one(selectEffect(tenant_id, effect_id)));
    const { run_id, name } = recalled;
    await tx.finish([
      runAudit({ tenant_id, thread_id, run_id }, "effect.recalled", principal_id, { effect_id, name, reason }),
    ]);
  });
  failpoint("effect.recalled");
}

/** An effect that is not there. */
export const noEffect = (effect_id: string) => new HoldpointError("not_found", `Effect with ID ${effect_id} not found`);

const STANDS = {
  held: "is held",
  intent: "has been started",
  not_done: "has been started",
  receipt: "has happened",
  failed: "was given up",
  recalled: "was recalled before",
};

function settled({ effect_id, name, status }: { effect_id: string; name: string; status: keyof typeof STANDS }) {
  const message = `effect "${name}" (${effect_id}) ${STANDS[status]}; only what is still held can be recalled`;
  return new HoldpointError("effect_settled", message, { facts: { effect_id, name, status } });
}
