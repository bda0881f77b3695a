import { openContestants } from "../contestants.ts";
import { openEngines } from "../engines.ts";
import { fanOut, fourNodes, type Graph, withSaver } from "../graphs.ts";
import type { Lab } from "../lab.ts";
import { repeat, settle } from "../measure.ts";
import type { Column, Row } from "../row.ts";

/** Somebody who can do the same run again and again. */
interface Runner {
  column: Column;
  prepare(series: string, runs: number): Promise<void>;
  run(series: string, index: number): Promise<unknown>;
  bytes(): Promise<number>;
}

/** What a run costs besides time: messages that Postgres answers, write-ahead log, disk, and work for the processor. */
export async function measureFootprint(lab: Lab): Promise<Row[]> {
  const contestants = await openContestants(lab, "counted");
  const engines = await openEngines(lab, "counted");
  const onGraph = (graph: Graph, input: unknown, name: string): Runner[] =>
    contestants.map((one) => ({
      column: one.column,
      prepare: (series, runs) => one.prepare(Array.from({ length: runs }, (_, run) => `${name}-${series}-${run}`)),
      run(series, index) {
        const thread_id = `${name}-${series}-${index}`;
        const own = withSaver(graph, one.saverOf(thread_id));
        return own.invoke(input as never, { configurable: { thread_id }, durability: "sync" });
      },
      bytes: async () => (await one.database?.bytes()) ?? 0,
    }));
  const four: Runner[] = [
    ...onGraph(fourNodes(), { text: "", count: 0 }, "four"),
    ...engines.map((engine) => ({
      column: engine.column,
      prepare: async () => undefined,
      run: engine.run,
      bytes: engine.bytes,
    })),
  ];
  const wide = onGraph(fanOut(50), {}, "fan");
  const runs = lab.quick ? 100 : 400;
  const rows = [
    ...(await count(lab, "a run of 4 nodes, 1 in flight", four, runs, 1)),
    ...(await count(lab, "a run of 4 nodes, 64 in flight", four, runs, 64)),
    ...(await count(lab, "a run of 50 parallel tasks", wide, runs / 10, 1)),
  ];
  for (const one of [...contestants, ...engines]) await one.close();
  return rows;
}

async function count(
  lab: Lab,
  what: string,
  runners: readonly Runner[],
  runs: number,
  inFlight: number,
): Promise<Row[]> {
  const row = (thing: string, unit: string): Row => ({
    what: `${what}: ${thing}`,
    network: 0,
    unit,
    better: "less",
    figures: {},
  });
  const [trips, wal, disk] = [row("round trips", "per run"), row("write-ahead log", "KB"), row("disk", "KB")];
  const processor = row("processor time of Node", "ms");
  for (const runner of runners) {
    const warmUp = `warm-up ${inFlight}`;
    const series = `counted ${inFlight}`;
    await runner.prepare(warmUp, 64);
    await runner.prepare(series, runs);
    // The first write to a page after a checkpoint logs all of it: that is the checkpoint's doing.
    await lab.checkpoint();
    await repeat(64, 64, (index) => runner.run(warmUp, index));
    const before = { trips: lab.trips(), wal: await lab.walPosition(), bytes: await runner.bytes() };
    settle();
    const busy = process.threadCpuUsage();
    await repeat(runs, inFlight, (index) => runner.run(series, index));
    const { user, system } = process.threadCpuUsage(busy);
    processor.figures[runner.column] = (user + system) / runs / 1000;
    // Memory has no disk; what others do on the server meanwhile is not its own.
    if (runner.column === "memory") continue;
    trips.figures[runner.column] = (lab.trips() - before.trips) / runs;
    wal.figures[runner.column] = ((await lab.walPosition()) - before.wal) / runs / 1000;
    disk.figures[runner.column] = ((await runner.bytes()) - before.bytes) / runs / 1000;
  }
  return [trips, wal, disk, processor];
}
