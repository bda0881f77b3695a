import { HumanMessage } from "@langchain/core/messages";
import { type Contestant, openContestants } from "../contestants.ts";
import { collectFigures, type Figures } from "../figures.ts";
import { chat, type Graph, withSaver } from "../graphs.ts";
import type { Lab } from "../lab.ts";
import { mean, median, timed } from "../measure.ts";
import type { Latency } from "../options.ts";
import type { Column, Row } from "../row.ts";
import { livelyText, repetitiveText } from "../texts.ts";

type Text = (characters: number, seed: number) => string;

const QUESTION_CHARACTERS = 150;
const ANSWER_CHARACTERS = 700;
const THREAD = "chat";
const TURN_ABOUT = 25;

/** One thread of a long conversation: time per turn, disk, and reading it back. */
export async function measureChat(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  const turns = lab.quick ? 100 : 500;
  for (const latency of lab.latencies) {
    // What the network adds to a turn does not change with its length.
    const own = latency === 0 ? turns : Math.min(turns, 100);
    rows.push(
      ...(await converse(lab, latency, own, repetitiveText, "made-up text", ["holdpoint", "official", "memory"])),
    );
    if (latency === 0) {
      rows.push(...(await converse(lab, latency, own, livelyText, "lively text", ["holdpoint", "official"])));
    }
  }
  return rows;
}

async function converse(
  lab: Lab,
  latency: Latency,
  turns: number,
  text: Text,
  kind: string,
  columns: readonly Column[],
): Promise<Row[]> {
  const contestants = await openContestants(lab, latency, columns);
  const graph = chat((turn) => text(ANSWER_CHARACTERS, 2 * turn + 1));
  const times = new Map<Contestant, number[]>(contestants.map((one) => [one, []]));
  const before = await bytesOf(contestants);
  for (const one of contestants) {
    await one.prepare([THREAD, "warm-up"]);
    for (let turn = 0; turn < 10; turn += 1) await take(graph, one, "warm-up", text, turn);
  }
  for (let turn = 0; turn < turns; turn += TURN_ABOUT) {
    for (const one of contestants) {
      for (let next = turn; next < turn + TURN_ABOUT; next += 1) {
        times.get(one)?.push(await timed(() => take(graph, one, THREAD, text, next)));
      }
    }
  }
  const after = await bytesOf(contestants);
  const figures = collectFigures(`chat of ${turns} turns, ${kind}`, latency);
  for (const [one, taken] of times) {
    for (const [first, last] of windowsOf(turns)) {
      figures.add(`turn ${first} to ${last}`, "ms", one, mean(taken.slice(first - 1, last)));
    }
    if (one.database !== undefined) {
      figures.add("disk", "MB", one, (after.get(one)! - before.get(one)!) / 1e6);
    }
  }
  // The lively text is there for what it takes on disk and in a turn; it reads like the other.
  if (latency === 0 && columns.includes("memory")) await readBack(figures, graph, contestants, turns);
  for (const one of contestants) await one.close();
  return figures.rows(turns < 500 ? {} : EXPECTED[kind]);
}

// Made-up text compresses as no real text does, which flatters whoever stores it again and again.
const EXPECTED: Record<string, Record<string, Row["atLeast"]>> = {
  "made-up text": { "getState at the end": { official: 25 }, "getStateHistory, all": { official: 300 } },
  "lively text": { "turn 251 to 500": { official: 12 }, disk: { official: 33 } },
};

const windowsOf = (turns: number) =>
  [
    [1, 25],
    [51, 100],
    [251, 500],
  ].filter(([, last]) => (last as number) <= turns) as [number, number][];

function take(graph: Graph, one: Contestant, thread_id: string, text: Text, turn: number): Promise<unknown> {
  const own = withSaver(graph, one.saverOf(thread_id));
  const input = { messages: [new HumanMessage(text(QUESTION_CHARACTERS, 2 * turn))] };
  return own.invoke(input, { configurable: { thread_id }, durability: "sync" });
}

async function readBack(
  figures: Figures,
  graph: Graph,
  contestants: readonly Contestant[],
  turns: number,
): Promise<void> {
  const config = { configurable: { thread_id: THREAD } };
  for (const one of contestants) {
    const own = withSaver(graph, one.saverOf(THREAD));
    const history = async (limit: number | undefined, checkpoints: number) => {
      let seen = 0;
      for await (const _ of own.getStateHistory(config, limit === undefined ? {} : { limit })) seen += 1;
      if (seen !== checkpoints) throw new Error(`${one.column} has ${seen} checkpoints instead of ${checkpoints}`);
    };
    const state = async () => {
      const { messages } = (await own.getState(config)).values as { messages: unknown[] };
      if (messages.length !== 2 * turns) throw new Error(`${one.column} has ${messages.length} messages`);
    };
    figures.add("getState at the end", "ms", one, await medianOf(20, state));
    figures.add("getStateHistory, limit 10", "ms", one, await medianOf(5, () => history(10, 10)));
    figures.add("getStateHistory, all", "ms", one, await timed(() => history(undefined, 3 * turns)));
  }
}

async function medianOf(times: number, body: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let round = 0; round < times; round += 1) taken.push(await timed(body));
  return median(taken);
}

async function bytesOf(contestants: readonly Contestant[]): Promise<Map<Contestant, number>> {
  const sizes = new Map<Contestant, number>();
  for (const one of contestants) sizes.set(one, (await one.database?.bytes()) ?? 0);
  return sizes;
}
