import { Command } from "@langchain/langgraph";
import { type Contestant, openContestants } from "../contestants.ts";
import { collectFigures } from "../figures.ts";
import { asking, withSaver } from "../graphs.ts";
import type { Lab } from "../lab.ts";
import { perSecond, quantile, timed } from "../measure.ts";
import type { Row } from "../row.ts";

const WARM_UP = 20;
const TURN_ABOUT = 10;

/** How long it takes until a run has asked a person, and until the answer has taken it to its end. */
export async function measurePause(lab: Lab): Promise<Row[]> {
  const rounds = lab.quick ? 50 : 300;
  const graph = asking();
  const rows: Row[] = [];
  for (const latency of lab.latencies) {
    const contestants = await openContestants(lab, latency);
    const asked = new Map<Contestant, number[]>(contestants.map((one) => [one, []]));
    const resumed = new Map<Contestant, number[]>(contestants.map((one) => [one, []]));
    const pair = async (one: Contestant, thread_id: string) => {
      const config = { configurable: { thread_id }, durability: "sync" as const };
      const own = () => withSaver(graph, one.saverOf(thread_id));
      const asking_ = await timed(() => own().invoke({ text: "" }, config));
      const resuming = await timed(() => own().invoke(new Command({ resume: "yes" }), config));
      return [asking_, resuming] as const;
    };
    for (let round = -WARM_UP; round < rounds; round += TURN_ABOUT) {
      for (const one of contestants) {
        const threads = Array.from({ length: TURN_ABOUT }, (_, turn) => `pause-${round + turn}`);
        await one.prepare(threads);
        for (const thread_id of threads) {
          const [asking_, resuming] = await pair(one, thread_id);
          if (round < 0) continue;
          asked.get(one)?.push(asking_);
          resumed.get(one)?.push(resuming);
        }
      }
    }
    const figures = collectFigures("a person is asked", latency);
    for (const one of contestants) {
      for (const [what, samples] of Object.entries({ "run to the question": asked, "answer to the end": resumed })) {
        figures.add(`${what}, p50`, "ms", one, quantile(samples.get(one)!, 0.5));
        figures.add(`${what}, p99`, "ms", one, quantile(samples.get(one)!, 0.99));
      }
    }
    rows.push(...figures.rows(latency === 0 ? { "answer to the end, p50": { official: 2.7 } } : {}));
    rows.push(await manyAtOnce(lab, latency, contestants, pair));
    for (const one of contestants) await one.close();
  }
  return rows;
}

async function manyAtOnce(
  lab: Lab,
  network: number,
  contestants: readonly Contestant[],
  pair: (one: Contestant, thread_id: string) => Promise<unknown>,
): Promise<Row> {
  const row: Row = {
    what: "a person is asked and answers, 16 in flight",
    network,
    unit: "pairs/s",
    better: "more",
    figures: {},
  };
  const durationMs = lab.quick ? 300 : 1200;
  for (const one of contestants) {
    await one.prepare(Array.from({ length: 2 * durationMs }, (_, index) => `crowd-${index}`));
    row.figures[one.column] = await perSecond(16, durationMs, (index) => pair(one, `crowd-${index}`));
    one.forget();
  }
  return row;
}
