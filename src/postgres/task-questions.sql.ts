import { sql } from "./sql.ts";

/** The task that is executed, as the checkpointer names it: the same for each execution. */
export interface TaskKey {
  checkpoint_ns: string;
  checkpoint_id: string;
  task_id: string;
}

/** What was asked in the middle of a task, and answered, in order. */
export const questionsOfTask = (tenant_id: string, thread_id: string, task: TaskKey) => sql<{
  position: string;
  value: string;
  answer: string;
}>`
  select position, value, answer from holdpoint.task_question
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and checkpoint_ns = ${task.checkpoint_ns}
    and checkpoint_id = ${task.checkpoint_id}::uuid and task_id = ${task.task_id}
  order by position, seq`;

/** Keeps a question with its answer; what is kept stays as it is. */
export const insertQuestion = (
  lease: { tenant_id: string; thread_id: string; run_id: string },
  task: TaskKey,
  question: { position: string; seq: number; value: string; answer: string },
) => sql`
  insert into holdpoint.task_question (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, position, seq, value, answer, run_id)
  values (${lease.tenant_id}, ${lease.thread_id}, ${task.checkpoint_ns}, ${task.checkpoint_id}::uuid, ${task.task_id},
    ${question.position}, ${question.seq}::int, ${question.value}, ${question.answer}, ${lease.run_id}::uuid)
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, position, seq) do nothing`;
