import type { Flavour } from "../protocol/interrupt.ts";
import type { ReviewStatus } from "../protocol/review.ts";
import { columns, sql } from "./sql.ts";

/** A question and what the graph was like when it was asked; shape and policy are JSON. */
export interface AskedUnderRow {
  id: string;
  thread_id: string;
  run_id: string;
  graph_id: string;
  status: ReviewStatus;
  title: string;
  opened_at: string;
  flavour: Flavour;
  node: string;
  task_id: string;
  checkpoint_id: string;
  asking_ns: string | null;
  asking_checkpoint_id: string | null;
  asking_task_id: string | null;
  ordinal: number;
  graph_fingerprint: string;
  graph_shape: string | null;
  policy: string;
}

const ASKED_UNDER = columns`id, thread_id, run_id, graph_id, status, title, opened_at, flavour, node, task_id, checkpoint_id::text, asking_ns,
  asking_checkpoint_id::text, asking_task_id, ordinal, graph_fingerprint, graph_shape, policy`;

/** What was kept of the graph that asked one question. */
export const selectGraphShape = (tenant_id: string, id: string) => sql<{ graph_shape: string | null }>`
  select graph_shape from holdpoint.review where tenant_id = ${tenant_id} and id = ${id}::uuid`;

/** The questions of a thread that were asked under other code than this. */
export const askedUnderOtherCode = (
  tenant_id: string,
  thread_id: string,
  graph_fingerprint: string,
) => sql<AskedUnderRow>`
  select ${ASKED_UNDER} from holdpoint.review
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and graph_fingerprint <> ${graph_fingerprint}
    and status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
  order by id
  limit 1000`;

/** A page of all questions that wait for a person or for their answer to be applied, by id. */
export const waitingAfter = (tenant_id: string, after: string | null, limit: number) => sql<AskedUnderRow>`
  select ${ASKED_UNDER} from holdpoint.review
  where tenant_id = ${tenant_id} and (${after}::uuid is null or id > ${after}::uuid)
    and status in ('open', 'info_requested', 'decided', 'resuming')
  order by id
  limit ${limit}::int`;

/** How many those are. */
export const countWaiting = (tenant_id: string) => sql<{ total: number }>`
  select count(*)::int as total from holdpoint.review
  where tenant_id = ${tenant_id} and status in ('open', 'info_requested', 'decided', 'resuming')`;
