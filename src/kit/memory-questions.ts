import type { QuestionPort, RecordedQuestion } from "./ports.ts";

/** Questions of tasks as unit tests keep them: in memory, for as long as the object lives. */
export function createMemoryQuestions(): QuestionPort {
  const asked = new Map<string, RecordedQuestion[]>();
  return {
    recorded: async (position) => asked.get(position) ?? [],
    record: async (position, question) => {
      asked.set(position, [...(asked.get(position) ?? []), question]);
    },
  };
}
