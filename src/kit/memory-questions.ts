import { getConfig } from "@langchain/langgraph";
import type { QuestionPort, RecordedQuestion } from "./ports.ts";

/** Questions of tasks as unit tests keep them: in memory, for as long as the object lives. */
export function createMemoryQuestions(): QuestionPort {
  const asked = new Map<string, RecordedQuestion[]>();
  return {
    recorded: async (position) => asked.get(placeOf(position)) ?? [],
    record: async (position, question) => {
      asked.set(placeOf(position), [...(asked.get(placeOf(position)) ?? []), question]);
    },
  };
}

// A task id is derived from its checkpoint, so a task that is executed again finds its questions and a later one does not.
function placeOf(position: string): string {
  const configurable = getConfig()?.configurable;
  return JSON.stringify([configurable?.["thread_id"] ?? null, configurable?.["__pregel_task_id"] ?? null, position]);
}
