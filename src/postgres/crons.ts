import { randomUUID } from "node:crypto";
import type { AccessFilter } from "../policy/access-filter.ts";
import { nextOccurrence } from "../policy/cron-next.ts";
import { parseCron } from "../policy/cron-schedule.ts";
import { openZone } from "../policy/zone-time.ts";
import { type Cron, type CronPayload, type CronUpdate, cronPayloadSchema } from "../protocol/cron.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { ProjectUser } from "../protocol/principal.ts";
import type { RunKwargs, StartedWith } from "../protocol/run.ts";
import {
  type CronFilter,
  type CronPage,
  type CronRow,
  changeCron,
  cronForUpdate,
  insertCron,
  listCrons,
  type NewCron,
  numberOfCrons,
  removeCron,
  selectCron,
} from "./crons.sql.ts";
import type { Database, Queryable } from "./database.ts";
import { readNow, selectThread } from "./threads.sql.ts";

/** A cron that somebody wants; its assistant is known to exist. */
export interface CreateCron {
  tenant_id: string;
  principal_id: string;
  assistant_id: string;
  /** Null: a new thread for every run. */
  thread_id: string | null;
  schedule: string;
  timezone: string;
  end_time: string | null;
  enabled: boolean;
  on_run_completed: "delete" | "keep";
  payload: CronPayload;
  metadata: Record<string, unknown>;
  grant?: CronGrant | undefined;
  /** What who makes it has shown, where no Auth of a project says who that is. */
  started_with?: StartedWith | undefined;
}

/** In whose name the runs of a cron start, where the Auth of the project says so: what it let them see when they made it. */
export interface CronGrant {
  user: ProjectUser;
  filter: AccessFilter;
}

/** Stores a cron. Its first occurrence is after now. Throws `invalid`, and `not_found` for its thread. */
export async function createCron(database: Database, request: CreateCron): Promise<Cron> {
  await requireThread(database, request);
  const { now } = await database.one(readNow());
  const cron: NewCron = {
    ...request,
    cron_id: randomUUID(),
    payload: JSON.stringify({ ...request.payload, grant: request.grant, started_with: request.started_with }),
    next_run_at: nextRunAt(request, now),
  };
  return wireCron(await database.one(insertCron(cron)));
}

/**
 * Changes what is given and leaves the rest. A cron that is switched on again, or told another time, goes on from now:
 * what it has missed meanwhile it was not meant to do. Locks: the cron. Throws `not_found`, `invalid`.
 */
export async function updateCron(
  database: Database,
  tenant_id: string,
  cron_id: string,
  { schedule, timezone, end_time, enabled, on_run_completed, metadata, ...given }: CronUpdate,
): Promise<Cron> {
  return await database.transaction(async (tx) => {
    const cron = await tx.maybeOne(cronForUpdate(tenant_id, cron_id));
    if (cron === undefined) throw noCron(cron_id);
    const changed: NewCron = {
      ...cron,
      schedule: schedule ?? cron.schedule,
      timezone: timezone ?? cron.timezone,
      end_time: end_time === undefined ? cron.end_time : end_time,
      enabled: enabled ?? cron.enabled,
      on_run_completed: on_run_completed ?? cron.on_run_completed,
      metadata: metadata ?? cron.metadata,
      payload: JSON.stringify({ ...payloadOf(cron), ...withoutAbsent(given), grant: grantOf(cron), ...makerOf(cron) }),
    };
    const isMoved =
      changed.schedule !== cron.schedule ||
      changed.timezone !== cron.timezone ||
      changed.end_time !== cron.end_time ||
      (changed.enabled && !cron.enabled);
    if (changed.enabled && !cron.enabled) await requireThread(tx, changed);
    const next_run_at = isMoved ? nextRunAt(changed, cron.now) : cron.next_run_at;
    const [[row]] = await tx.finish([changeCron({ ...changed, next_run_at })]);
    return wireCron(row as CronRow);
  });
}

/** Removes a cron: whatever it makes after this has been answered, it does not make. Throws `not_found`. */
export async function deleteCron(database: Database, tenant_id: string, cron_id: string): Promise<void> {
  if ((await database.run(removeCron(tenant_id, cron_id))) === 0) throw noCron(cron_id);
}

/** One cron. Throws `not_found`. */
export async function readCron(database: Database, tenant_id: string, cron_id: string): Promise<Cron> {
  const cron = await database.maybeOne(selectCron(tenant_id, cron_id));
  if (cron === undefined) throw noCron(cron_id);
  return wireCron(cron);
}

/** Crons by filter. */
export async function searchCrons(
  database: Database,
  tenant_id: string,
  filter: CronFilter & CronPage,
): Promise<Cron[]> {
  return (await database.many(listCrons(tenant_id, filter))).map(wireCron);
}

/** How many crons a filter finds. */
export async function countCrons(database: Database, tenant_id: string, filter: CronFilter): Promise<number> {
  return (await database.one(numberOfCrons(tenant_id, filter))).crons;
}

/** The occurrence after a moment; null when there is none any more. Throws `invalid` where the schedule is none. */
export function nextRunAt(
  { schedule, timezone, end_time }: Pick<CronRow, "schedule" | "timezone" | "end_time">,
  after: string,
): string | null {
  const parsed = parseCron(schedule);
  if ("wrong" in parsed) throw invalid("/schedule", `the schedule ${parsed.wrong}`);
  const zone = openZone(timezone);
  if (zone === undefined) {
    throw invalid("/timezone", `${JSON.stringify(timezone)} is no IANA time zone such as Europe/Berlin`);
  }
  const next = nextOccurrence(parsed, zone, Date.parse(after));
  if (next === null || (end_time !== null && next > Date.parse(end_time))) return null;
  return new Date(next).toISOString();
}

/** What the runs of a cron are asked to do. */
export function payloadOf({ payload }: Pick<CronRow, "payload">): CronPayload {
  return cronPayloadSchema.parse(JSON.parse(payload));
}

/** In whose name its runs start; kept beside what they are asked to do, and never shown. */
export function grantOf({ payload }: Pick<CronRow, "payload">): CronGrant | undefined {
  return (JSON.parse(payload) as { grant?: CronGrant }).grant;
}

/** What who has made it had shown: its runs may do what that allows when they execute. Never shown. */
export function makerOf({ payload }: Pick<CronRow, "payload">): Pick<RunKwargs, "started_with"> {
  const { started_with } = JSON.parse(payload) as Pick<RunKwargs, "started_with">;
  return started_with === undefined ? {} : { started_with };
}

/** A cron of a thread that was deleted would be refused each time. */
async function requireThread(
  queryable: Queryable,
  { tenant_id, thread_id }: Pick<CronRow, "tenant_id" | "thread_id">,
): Promise<void> {
  if (thread_id === null || (await queryable.maybeOne(selectThread(tenant_id, thread_id))) !== undefined) return;
  throw new HoldpointError("not_found", `Thread with ID ${thread_id} not found`);
}

function invalid(pointer: string, message: string): HoldpointError {
  return new HoldpointError("invalid", `${pointer}: ${message}`, { facts: { faults: [{ pointer, message }] } });
}

function noCron(cron_id: string): HoldpointError {
  return new HoldpointError("not_found", `Cron with ID ${cron_id} not found`);
}

function withoutAbsent(given: CronPayload): CronPayload {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function wireCron(row: CronRow): Cron {
  const { cron_id, assistant_id, thread_id, on_run_completed, schedule, timezone, end_time, enabled, metadata } = row;
  return {
    cron_id,
    assistant_id,
    thread_id,
    on_run_completed,
    schedule,
    timezone,
    end_time,
    enabled,
    payload: payloadOf(row),
    metadata,
    user_id: row.principal_id,
    next_run_date: enabled ? row.next_run_at : null,
    last_run_date: row.last_occurrence_at,
    last_run_id: row.last_run_id,
    last_error: row.last_error,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}
