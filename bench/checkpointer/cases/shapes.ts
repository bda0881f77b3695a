import { type Contestant, openContestants } from "../contestants.ts";
import { collectFigures } from "../figures.ts";
import { deltaChat, fanOut, looping, notebook, withSaver } from "../graphs.ts";
import type { Lab } from "../lab.ts";
import { mean, median, settle, timed } from "../measure.ts";
import type { Row } from "../row.ts";
import { livelyText } from "../texts.ts";

const ENTRIES = 1000;
const ENTRY_CHARACTERS = 200;

/** A large object of which one entry changes in each turn. */
export async function measureNotebook(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const whole of [false, true]) rows.push(...(await keepNotes(lab, whole)));
  return rows;
}

async function keepNotes(lab: Lab, whole: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  const turns = lab.quick ? 25 : 100;
  const note = (seed: number) => livelyText(ENTRY_CHARACTERS, seed);
  const graph = notebook((turn) => [`entry ${(turn * 37) % ENTRIES}`, note(ENTRIES + turn)], whole);
  const notes = Object.fromEntries(Array.from({ length: ENTRIES }, (_, entry) => [`entry ${entry}`, note(entry)]));
  for (const latency of lab.latencies) {
    const contestants = await openContestants(lab, latency);
    const figures = collectFigures(
      `object of ${ENTRIES} entries, ${turns} turns change one each, a node returns ${whole ? "all of it" : "the entry"}`,
      latency,
    );
    for (const one of contestants) {
      await one.prepare(["notes"]);
      const config = { configurable: { thread_id: "notes" }, durability: "sync" as const };
      const graphOfOne = withSaver(graph, one.saverOf("notes"));
      await graphOfOne.invoke({ turn: 0, notes }, config);
      settle();
      const before = (await one.database?.bytes()) ?? 0;
      const times: number[] = [];
      for (let turn = 1; turn <= turns; turn += 1) {
        times.push(await timed(() => graphOfOne.invoke({ turn }, config)));
      }
      figures.add("a turn", "ms", one, mean(times));
      if (one.database !== undefined) figures.add("disk", "MB", one, ((await one.database.bytes()) - before) / 1e6);
    }
    for (const one of contestants) await one.close();
    rows.push(...figures.rows());
  }
  return rows;
}

/** Fifty tasks side by side. */
export async function measureFanOut(lab: Lab): Promise<Row[]> {
  const width = 50;
  const graph = fanOut(width);
  const rounds = lab.quick ? 10 : 40;
  const rows: Row[] = [];
  for (const latency of lab.latencies) {
    const contestants = await openContestants(lab, latency);
    const times = new Map<Contestant, number[]>(contestants.map((one) => [one, []]));
    for (let round = -10; round < rounds; round += 1) {
      for (const one of contestants) {
        const thread_id = `fan-${round}`;
        await one.prepare([thread_id]);
        const own = withSaver(graph, one.saverOf(thread_id));
        const run = () => own.invoke({}, { configurable: { thread_id }, durability: "sync" });
        const took = await timed(run);
        if (round >= 0) times.get(one)?.push(took);
      }
    }
    const figures = collectFigures(`${width} parallel tasks`, latency);
    for (const [one, taken] of times) figures.add("a run, p50", "ms", one, median(taken));
    for (const one of contestants) await one.close();
    rows.push(...figures.rows());
  }
  return rows;
}

/** A thread of very many steps, and reading it back. */
export async function measureLongThread(lab: Lab): Promise<Row[]> {
  const steps = lab.quick ? 200 : 1000;
  const graph = looping(steps);
  const config = { configurable: { thread_id: "long" }, durability: "sync" as const, recursionLimit: steps + 10 };
  const contestants = await openContestants(lab, 0);
  const figures = collectFigures(`thread of ${steps} steps`, 0);
  for (const one of contestants) {
    await one.prepare(["long"]);
    const own = withSaver(graph, one.saverOf("long"));
    const before = (await one.database?.bytes()) ?? 0;
    figures.add("a step", "ms", one, (await timed(() => own.invoke({ count: 0 }, config))) / steps);
    if (one.database !== undefined) figures.add("disk", "MB", one, ((await one.database.bytes()) - before) / 1e6);
    const reads: number[] = [];
    for (let read = 0; read < 20; read += 1) reads.push(await timed(() => own.getState(config)));
    figures.add("getState", "ms", one, median(reads));
    const history = async () => {
      let seen = 0;
      for await (const _ of own.getStateHistory(config)) seen += 1;
      if (seen < steps) throw new Error(`${one.column} has ${seen} checkpoints of ${steps} steps`);
    };
    figures.add("getStateHistory, all", "ms", one, await timed(history));
  }
  for (const one of contestants) await one.close();
  return figures.rows();
}

/** A conversation in the engine's own channel of differences. */
export async function measureDelta(lab: Lab): Promise<Row[]> {
  const turns = lab.quick ? 30 : 100;
  const graph = deltaChat((turn) => livelyText(700, turn));
  const config = { configurable: { thread_id: "delta" }, durability: "sync" as const };
  const contestants = await openContestants(lab, 0);
  const figures = collectFigures(`DeltaChannel, ${turns} turns`, 0);
  for (const one of contestants) {
    await one.prepare(["delta"]);
    const own = withSaver(graph, one.saverOf("delta"));
    const times: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      times.push(await timed(() => own.invoke({ lines: [livelyText(150, -turn)] }, config)));
    }
    figures.add("a turn", "ms", one, mean(times));
    const reads: number[] = [];
    for (let read = 0; read < 10; read += 1) reads.push(await timed(() => own.getState(config)));
    figures.add("getState at the end", "ms", one, median(reads));
  }
  for (const one of contestants) await one.close();
  return figures.rows();
}
