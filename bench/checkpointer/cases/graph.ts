import { type Contestant, type Durability, openContestants } from "../contestants.ts";
import { type Engine, openEngines } from "../engines.ts";
import { fourNodes, type Graph, withSaver } from "../graphs.ts";
import type { Lab } from "../lab.ts";
import { median, perSecond, repeat } from "../measure.ts";
import type { Latency } from "../options.ts";
import type { Column, Row } from "../row.ts";

/** Somebody who can do one run of four steps, again and again. */
interface Runner {
  column: Column;
  /** Undefined where there is no such choice. */
  durability: Durability | undefined;
  prepare(runs: number): Promise<void>;
  run(index: number): Promise<unknown>;
  forget(): void;
}

const IN_FLIGHT = [1, 16, 64];
const EXPECTED: Record<string, Row["atLeast"]> = {
  "0 1": { official: 3 },
  "0 64": { memory: 0.85, official: 4.2, dbos: 2, mastra: 1.35 },
  "1 64": { official: 6 },
};

/** Runs per second of a graph of four nodes, by how many are under way and by when a step is durable. */
export async function measureGraph(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const latency of lab.latencies) {
    const contestants = await openContestants(lab, latency);
    const engines = await openEngines(lab, latency);
    const runners = [
      ...contestants.flatMap((one) => (["sync", "async", "exit"] as const).map((mode) => graphRunner(one, mode))),
      ...engines.map(engineRunner),
    ];
    await warmUp(runners, lab.quick ? 50 : 300);
    for (const inFlight of IN_FLIGHT) {
      const taking = runners.filter(({ durability }) => durability !== "exit" || (inFlight === 16 && latency === 0));
      rows.push(...rowsOf(latency, inFlight, await takeTurns(lab, taking, inFlight)));
    }
    for (const one of [...contestants, ...engines]) await one.close();
  }
  return rows;
}

function graphRunner(contestant: Contestant, durability: Durability): Runner {
  const graph: Graph = fourNodes();
  let series = 0;
  const nameOf = (index: number) => `${durability}-${series}-${index}`;
  return {
    column: contestant.column,
    durability,
    async prepare(runs) {
      series += 1;
      await contestant.prepare(Array.from({ length: runs }, (_, index) => nameOf(index)));
    },
    async run(index) {
      const thread_id = nameOf(index);
      const saver = contestant.saverOf(thread_id, durability);
      await withSaver(graph, saver).invoke({ text: "", count: 0 }, { configurable: { thread_id }, durability });
      if (durability === "async") await contestant.flush(saver);
    },
    forget: contestant.forget,
  };
}

const engineRunner = (engine: Engine): Runner => ({
  column: engine.column,
  durability: undefined,
  prepare: async () => undefined,
  run: engine.run,
  forget: () => undefined,
});

async function warmUp(runners: readonly Runner[], runs: number): Promise<void> {
  for (const runner of runners) {
    await runner.prepare(runs);
    await repeat(runs, 16, runner.run);
    runner.forget();
  }
}

const MOST_RUNS_PER_SECOND = 2500;

async function takeTurns(lab: Lab, runners: readonly Runner[], inFlight: number): Promise<Map<Runner, number>> {
  const [rounds, durationMs] = lab.quick ? [1, 300] : [3, 1200];
  const samples = new Map<Runner, number[]>(runners.map((runner) => [runner, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Whoever begins has the coldest machine: each round it is somebody else.
    for (const runner of [...runners.slice(round), ...runners.slice(0, round)]) {
      await runner.prepare(Math.ceil((MOST_RUNS_PER_SECOND * durationMs) / 1000));
      samples.get(runner)?.push(await perSecond(inFlight, durationMs, runner.run));
      runner.forget();
    }
  }
  return new Map([...samples].map(([runner, taken]) => [runner, median(taken)]));
}

function rowsOf(latency: Latency, inFlight: number, medians: ReadonlyMap<Runner, number>): Row[] {
  const durabilities = new Set([...medians.keys()].flatMap(({ durability }) => durability ?? []));
  return [...durabilities].map((durability) => {
    const expected = durability === "sync" ? EXPECTED[`${latency} ${inFlight}`] : undefined;
    const own = [...medians].filter(([runner]) => (runner.durability ?? durability) === durability);
    return {
      what: `graph of 4 nodes, ${inFlight} in flight, durability ${durability}`,
      network: latency,
      unit: "runs/s",
      better: "more",
      figures: Object.fromEntries(own.map(([{ column }, figure]) => [column, figure])),
      ...(expected === undefined ? {} : { atLeast: expected }),
    };
  });
}
