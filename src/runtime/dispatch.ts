import { dueCrons } from "../postgres/crons.sql.ts";
import { dueDeliveries } from "../postgres/deliveries.sql.ts";
import { openJobs } from "../postgres/jobs.ts";
import { createCronFirer } from "./cron.ts";
import { createDeliverer, type DeliverySettings } from "./deliver.ts";
import { periodically } from "./periodic.ts";
import type { RunnerParts } from "./runner.ts";

/** Looks for deliveries and crons that are due, and hands them out. */
export interface Dispatcher {
  stop(): Promise<void>;
}

const LOOK_MS = 1_000;
// What is left over is found a second later.
const AT_ONCE = 100;

/** Starts to look. Every worker process does; which of them carries out what is due is the job queue's matter. */
export function startDispatcher(
  parts: Pick<RunnerParts, "database" | "graphs" | "wakeups" | "log">,
  settings: DeliverySettings,
): Dispatcher {
  const { database, log } = parts;
  const deliver = createDeliverer(parts, settings);
  const jobs = openJobs(database, log, {
    deliver,
    // By itself, so that a mail server that hangs keeps no webhook waiting.
    deliver_mail: deliver,
    fire_cron: createCronFirer(parts),
  });
  const look = async () => {
    const [webhooks, mails, crons] = await Promise.all([
      database.many(dueDeliveries("webhook", AT_ONCE)),
      database.many(dueDeliveries("mail", AT_ONCE)),
      database.many(dueCrons([...parts.graphs().graphs.keys()], AT_ONCE)),
    ]);
    await Promise.all([jobs.put("deliver", webhooks), jobs.put("deliver_mail", mails), jobs.put("fire_cron", crons)]);
  };
  const stop = periodically(look, LOOK_MS, "looking for deliveries and crons that are due", log);
  return {
    async stop() {
      stop();
      await jobs.close();
    },
  };
}
