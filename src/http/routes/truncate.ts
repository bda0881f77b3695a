import { z } from "zod";
import { truncate } from "../../postgres/truncate.ts";
import { assistantIdOf } from "../../protocol/assistant.ts";
import { shows } from "../answers.ts";
import { parseWith, readJson } from "../read-request.ts";
import { json } from "../reply.ts";
import { definePublicRoute, type Route } from "../route.ts";

const flag = z.boolean().optional();
const truncateSchema = z.object({ runs: flag, threads: flag, assistants: flag, checkpointer: flag, store: flag });

/**
 * What tests of the LangGraph server empty it by, between their groups and as nobody. Served only where tests are said to
 * run, and it refuses any database whose name does not end in `_test`.
 */
export const truncateRoutes: readonly Route[] = [
  definePublicRoute({
    method: "POST",
    path: "/internal/truncate",
    summary: "Empty a database that is there to be tested on",
    answers: { 200: shows(z.object({ ok: z.literal(true) }), "It is empty.") },
    async handle(call) {
      const { database, graphs, wakeups } = call.deps;
      const { runs, threads, checkpointer, assistants, store } = parseWith(await readJson(call), truncateSchema);
      await truncate(database, {
        threads: runs === true || threads === true || checkpointer === true,
        assistants: assistants === true,
        store: store === true,
        ownAssistants: [...graphs().graphs.keys()].map(assistantIdOf),
      });
      wakeups.wake("runs");
      wakeups.wake("events");
      return json({ ok: true });
    },
  }),
];
