import { failpoint } from "../failpoint.ts";
import type { QuestionPort, RecordedQuestion } from "../kit/ports.ts";
import type { Database } from "../postgres/database.ts";
import { fencedWrite, type Lease } from "../postgres/fence.ts";
import { insertQuestion, questionsOfTask } from "../postgres/task-questions.sql.ts";
import type { Json } from "../protocol/json.ts";
import { currentTask } from "./current-task.ts";

type ByPosition = Map<string, RecordedQuestion[]>;

/** What the tasks of one run have asked in their middle: read once for each task, written under the run's lease. */
export function createQuestionPort(database: Database, lease: Lease): QuestionPort {
  const { tenant_id, thread_id } = lease;
  const known = new Map<string, Promise<ByPosition>>();
  const ofTask = async () => {
    const { task } = currentTask("a question of a task");
    const name = JSON.stringify([task.checkpoint_ns, task.checkpoint_id, task.task_id]);
    const read = async () => {
      const rows = await database.many(questionsOfTask(tenant_id, thread_id, task));
      const parsed = rows.map(({ position, value, answer }) => ({
        position,
        question: { value: JSON.parse(value) as Json, answer: JSON.parse(answer) as Json },
      }));
      return new Map(
        [...Map.groupBy(parsed, ({ position }) => position)].map(([position, found]) => [
          position,
          found.map(({ question }) => question),
        ]),
      );
    };
    const questions = known.get(name) ?? read();
    known.set(name, questions);
    questions.catch(() => known.delete(name));
    return { task, questions: await questions };
  };
  return {
    recorded: async (position) => (await ofTask()).questions.get(position) ?? [],
    async record(position, { value, answer }) {
      const { task, questions } = await ofTask();
      const before = questions.get(position) ?? [];
      const row = { position, seq: before.length, value: JSON.stringify(value), answer: JSON.stringify(answer) };
      failpoint("question.answered");
      await fencedWrite(database, lease, (tx) => tx.run(insertQuestion(lease, task, row)));
      failpoint("question.recorded");
      questions.set(position, [...before, { value, answer }]);
    },
  };
}
