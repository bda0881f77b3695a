import { createDice, type Dice } from "../support/dice.ts";

/** A graph of workflows/mixed.ts. */
export type GraphName = "errand" | "approval" | "survey";

/** One run of a thread: its input. */
export interface Turn {
  turn: number;
  road: "straight" | "split";
  width: number;
}

/** What a bot says to a question. */
export type Said =
  | { type: "approve" | "reject" }
  | { type: "edit"; args: { amount: number } }
  | { type: "respond"; value: string };

/** What a client does with one thread. */
export interface ThreadPlan {
  thread_id: string;
  graph: GraphName;
  turns: Turn[];
  durability: "sync" | "async";
  /** Whether a client follows the stream of each of its runs. */
  watched: boolean;
  /** What is said to each question; two bots at once where there are two. */
  answers: Record<string, Said[]>;
}

/** What is done to the processes besides the kill of every tick. */
export type Act = "freeze" | "restart postgres" | "crash postgres" | "deafen" | "kill api";

/** What is done at once. */
export interface Tick {
  /** Which of the workers that are up is killed: an index, taken modulo their number. */
  victim: number;
  act: Act | undefined;
  /** A number for whatever the act has to choose. */
  chance: number;
}

const REVIEWS = ["left", "right", "confirm"];
const QUESTIONS = ["one", "two", "three", "four"];

/** The threads of a seed. */
export function planThreads(seed: number, count: number): ThreadPlan[] {
  const dice = createDice(seed);
  return Array.from({ length: count }, () => planThread(dice));
}

function planThread(dice: Dice): ThreadPlan {
  const graph = dice.pick<GraphName>(["errand", "errand", "approval", "survey"]);
  const turns = graph === "errand" ? 1 + dice.roll(3) : 1;
  const isContested = dice.roll(5) < 2;
  const bots = isContested ? 2 : 1;
  const review = () => dice.pick<Said>([{ type: "approve" }, { type: "approve" }, { type: "reject" }, edit(dice)]);
  const respond = (question: string, bot: number): Said => ({
    type: "respond",
    value: `${question}-${bot}-${dice.roll(1000)}`,
  });
  const questions = [
    ...REVIEWS.map((name) => [name, Array.from({ length: bots }, review)] as const),
    ...QUESTIONS.map((name) => [name, Array.from({ length: bots }, (_, bot) => respond(name, bot))] as const),
  ];
  return {
    thread_id: uuid(dice),
    graph,
    turns: Array.from({ length: turns }, (_, turn) => ({
      turn,
      road: dice.pick<Turn["road"]>(["straight", "split"]),
      width: 1 + dice.roll(4),
    })),
    durability: dice.pick(["sync", "async"]),
    watched: dice.roll(2) === 0,
    answers: Object.fromEntries(questions),
  };
}

const edit = (dice: Dice): Said => ({ type: "edit", args: { amount: 10 + dice.roll(900) } });

function uuid(dice: Dice): string {
  const hex = (digits: number) => Array.from({ length: digits }, () => dice.roll(16).toString(16)).join("");
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
}

// A round has all of them, so that every run of the test has been through each.
const ROUND: (Act | undefined)[] = [
  "freeze",
  "restart postgres",
  "deafen",
  "freeze",
  "crash postgres",
  "kill api",
  undefined,
  "freeze",
];

/** The ticks of a seed, without end; a round of `ROUND_TICKS` has every act. */
export function* planTicks(seed: number): Generator<Tick, never> {
  const dice = createDice(seed ^ 0x5eed);
  for (;;) {
    const left = [...ROUND];
    while (left.length > 0) {
      const [act] = left.splice(dice.roll(left.length), 1);
      yield { victim: dice.roll(1000), act, chance: dice.roll(1000) };
    }
  }
}

/** How many ticks it takes until everything has been done at least once. */
export const ROUND_TICKS = ROUND.length;

/** What one run leaves in the log: a text, or the answer of a call of the world. */
export type Line = { text: string } | { call: string; kind: "read" | "idempotent" | "once" };

/** The log of one run to its end, given what was answered to its questions. */
export function expectedLines(plan: ThreadPlan, { turn, road, width }: Turn, answers: Map<string, Said>): Line[] {
  const call = (kind: "read" | "idempotent" | "once", name: string): Line => ({ call: `${turn}.${name}`, kind });
  const text = (words: string): Line => ({ text: `${turn}.${words}` });
  const answer = (question: string): Line => text(`${question}=${written(answers.get(question))}`);
  const parts = Array.from({ length: width }, (_, index) => call("idempotent", `part-${index}`));
  const isRefused = ["left", "right"].some((question) => answers.get(question)?.type === "reject");
  switch (plan.graph) {
    case "errand": {
      const road_lines = road === "split" ? [...parts, text("gathered")] : [call("idempotent", "note")];
      return [call("read", "look"), ...road_lines, call("once", "stamp")];
    }
    case "approval": {
      const outcome = isRefused ? text("refused") : call("once", "settle");
      const asked = [text("proposed"), answer("left"), answer("right"), text("weighed"), outcome];
      return [...asked, call("idempotent", "pack"), answer("confirm"), call("idempotent", "finish")];
    }
    case "survey": {
      const opened = [
        call("idempotent", "open"),
        answer("one"),
        answer("two"),
        answer("four"),
        call("idempotent", "slow"),
      ];
      return [...opened, call("idempotent", "prepare"), answer("three"), ...parts, call("read", "close")];
    }
  }
}

function written(said: Said | undefined): string {
  if (said === undefined) return "";
  if (said.type === "edit") return `edit:${said.args.amount}`;
  return said.type === "respond" ? said.value : said.type;
}
