import { interrupt } from "@langchain/langgraph";
import type { z } from "zod";
import { canonicalJson } from "../../policy/canonical-json.ts";
import type { Json } from "../../protocol/json.ts";
import { currentPorts, type QuestionPort, type RecordedQuestion } from "../ports.ts";
import { type Answer, questionOf, type ReviewDecisions, type ReviewOptions } from "./review.ts";
import { currentScratchpad, takeTurn } from "./task-turns.ts";

/** Asks a person, as `review()` does. A question that was answered here before, byte for byte, has its answer at once. */
export type Ask = <const Schemas extends readonly z.ZodType[]>(
  options: ReviewOptions<Schemas>,
) => Promise<ReviewDecisions<Schemas>>;

/**
 * A place in a task where the kit itself may have to ask. LangGraph gives answers out by the order in which a task asks:
 * so this is entered on each execution of the task, also when nothing is asked any more, and what was asked here before
 * takes its place again. Otherwise the next question of the node would be given the answer of this one.
 * `position` is the same on each execution and used once in a task.
 */
export async function withQuestions<Result>(position: string, body: (ask: Ask) => Promise<Result>): Promise<Result> {
  const { questions } = currentPorts();
  let answered: readonly RecordedQuestion[] = [];
  return await takeTurn(
    async ({ replayed }) => {
      // Nothing has been answered in this task: the ordinary case, and no reason to look.
      if (nextAnswer() === undefined) return;
      answered = await questions.recorded(position);
      for (const question of answered.slice(replayed.get(position) ?? 0)) replay(question);
      replayed.set(position, answered.length);
    },
    (turn) =>
      body(async (options) => {
        await turn.alone();
        const question = questionOf(options);
        const before = answered.find(({ value }) => digestIn(value) === question.value.value_digest);
        if (before !== undefined) return question.decided(before.answer as unknown as Answer);
        const answer = question.ask();
        answered = [...answered, await recordAnswer(questions, position, question.value, answer)];
        turn.replayed.set(position, answered.length);
        return question.decided(answer);
      }),
  );
}

async function recordAnswer(questions: QuestionPort, position: string, value: unknown, answer: Answer) {
  const recorded = { value: value as Json, answer: answer as unknown as Json };
  await questions.record(position, recorded);
  return recorded;
}

/** Where its answer is next in line it is taken from there; where it is not, the line is that of other questions. */
function replay({ value, answer }: RecordedQuestion): void {
  const next = nextAnswer();
  if (next !== undefined && canonicalJson(next) === canonicalJson(answer)) interrupt(value);
}

function nextAnswer(): unknown {
  const scratchpad = currentScratchpad();
  return scratchpad?.resume[scratchpad.interruptCounter + 1];
}

const digestIn = (value: Json) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value["value_digest"] : undefined;
