import { z } from "zod";
import { narrowed } from "../../policy/access-filter.ts";
import { deleteAssistant, readVersions, setLatest } from "../../postgres/assistants.ts";
import { threadsOfAssistant } from "../../postgres/delete-thread.sql.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { metadataSchema, uuidSchema } from "../../protocol/json.ts";
import { assistantVersionWire, assistantWire } from "../../protocol/wire-schemas.ts";
import { shows } from "../answers.ts";
import { authorise } from "../authenticate.ts";
import { invalid } from "../failure.ts";
import { flag, limitSchema, offsetSchema } from "../read-request.ts";
import { removeThread } from "../remove-thread.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { changeableAssistant, namedAssistant, ownGraph } from "./assistants.ts";

const PAGE = 100;
const LAST_VERSION = 2_147_483_647;

const versionsSchema = z.object({
  metadata: metadataSchema.nullish(),
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
});
const latestSchema = z.object({ version: z.number().int().min(1).max(LAST_VERSION) });
const deleteQuery = z.object({ delete_threads: flag.default(false) });

/** What assistants were, and their end. */
export const assistantVersionRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/assistants/:assistant_id/versions",
    permission: "runs:read",
    event: "assistants:read",
    summary: "List an assistant's versions, newest first",
    body: versionsSchema,
    answers: { 200: shows(z.array(assistantVersionWire), "What it was.") },
    async handle(call) {
      const { metadata, limit, offset } = call.body;
      const { assistant_id } = await namedAssistant(call);
      const held = narrowed(metadata ?? {}, call.access.of("assistants"));
      if (held === undefined) return json([]);
      const wanted = { metadata: held, limit: limit ?? 10, offset: offset ?? 0 };
      return json(await readVersions(call.deps.database, call.principal.tenant_id, assistant_id, wanted));
    },
  }),
  defineRoute({
    method: "POST",
    path: "/assistants/:assistant_id/latest",
    permission: "runs:create",
    event: "assistants:update",
    summary: "Make an assistant what it was at one of its versions",
    body: latestSchema,
    answers: { 200: shows(assistantWire, "The assistant as it is now.") },
    async handle(call) {
      const { version } = call.body;
      const { assistant_id } = await changeableAssistant(call);
      return json(await setLatest(call.deps.database, call.principal.tenant_id, assistant_id, version));
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/assistants/:assistant_id",
    permission: "runs:create",
    event: "assistants:delete",
    summary: "Delete an assistant",
    description: "With delete_threads its threads go too, which needs runs:cancel.",
    query: deleteQuery,
    answers: { 200: shows(z.array(uuidSchema), "The id that is gone.") },
    refuses: ["guarded"],
    async handle(call) {
      const { delete_threads } = call.query;
      const { assistant_id } = await changeableAssistant(call);
      const own = ownGraph(call, assistant_id);
      if (own !== undefined) {
        const message = `this is the own assistant of "${own}", which goes when its graph does`;
        throw invalid([{ pointer: "", message }]);
      }
      if (delete_threads) await removeThreads(call, assistant_id);
      await deleteAssistant(call.deps.database, call.principal.tenant_id, assistant_id);
      return json([assistant_id]);
    },
  }),
];

/** Removes the threads of an assistant, all that can be. Bound: those there are. Throws `guarded`. */
async function removeThreads(call: Call, assistant_id: string): Promise<void> {
  authorise(call.principal, "runs:cancel");
  const { database } = call.deps;
  const seen = await call.access.ask("threads:delete", { thread_id: null });
  const refused: HoldpointError[] = [];
  let after = "";
  for (;;) {
    const threads = await database.many(threadsOfAssistant(call.principal.tenant_id, assistant_id, seen, after, PAGE));
    for (const { thread_id } of threads) {
      after = thread_id;
      await removeThread(call, thread_id).catch((error: unknown) => {
        if (!isHoldpointError(error)) throw error;
        if (error.code !== "not_found") refused.push(error);
      });
    }
    if (threads.length < PAGE) break;
  }
  const [first] = refused;
  if (first === undefined) return;
  const message = `${refused.length} threads stay, and so does the assistant; the first: ${first.message}`;
  throw new HoldpointError(first.code, message, { facts: first.facts });
}
