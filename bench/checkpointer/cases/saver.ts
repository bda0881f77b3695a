import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { type Contestant, openContestants } from "../contestants.ts";
import type { Lab } from "../lab.ts";
import { median, perSecond, repeat } from "../measure.ts";
import type { Row } from "../row.ts";

const IN_FLIGHT = [1, 16, 64];
const CHANNELS = ["text", "count", "branch:to:next"];

/** What one superstep stores, without the engine: three writes of a task and a checkpoint of three channels. */
export async function measureSaver(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const latency of lab.latencies) {
    const contestants = await openContestants(lab, latency, ["holdpoint", "official"]);
    for (const one of contestants) {
      const step = await stepOf(one, 16);
      await repeat(lab.quick ? 100 : 300, 16, step);
    }
    for (const inFlight of IN_FLIGHT) {
      const samples = new Map<Contestant, number[]>(contestants.map((one) => [one, []]));
      for (let round = 0; round < (lab.quick ? 1 : 3); round += 1) {
        for (const one of contestants) {
          const step = await stepOf(one, inFlight);
          samples.get(one)?.push(await perSecond(inFlight, lab.quick ? 300 : 1000, step));
        }
      }
      rows.push({
        what: `saver alone, ${inFlight} in flight: putWrites of 3 and put of 3 channels`,
        network: latency,
        unit: "pairs/s",
        better: "more",
        figures: Object.fromEntries([...samples].map(([{ column }, taken]) => [column, median(taken)])),
        ...(inFlight === 64 && latency === 0 ? { atLeast: { official: 12 } } : {}),
      });
    }
    for (const one of contestants) await one.close();
  }
  return rows;
}

let series = 0;

/** A superstep on the thread whose turn it is; as the engine does it, the writes and the checkpoint are sent together. */
async function stepOf(contestant: Contestant, inFlight: number): Promise<(index: number) => Promise<void>> {
  series += 1;
  const idle = Array.from({ length: inFlight }, (_, line) => {
    const thread_id = `saver-${series}-${line}`;
    return {
      saver: contestant.saverOf(thread_id),
      config: { configurable: { thread_id, checkpoint_ns: "" } },
      step: 0,
    };
  });
  await contestant.prepare(idle.map(({ config }) => config.configurable.thread_id));
  const put = async (thread: (typeof idle)[number]) => {
    thread.step += 1;
    const channel_values = { text: `text of step ${thread.step}`, count: thread.step, "branch:to:next": null };
    const versions = Object.fromEntries(CHANNELS.map((channel) => [channel, thread.step]));
    const checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(thread.step),
      channel_values,
      channel_versions: versions,
      versions_seen: { next: versions },
    };
    const metadata = { source: "loop" as const, step: thread.step, parents: {} };
    return await thread.saver.put(thread.config, checkpoint, metadata, versions);
  };
  for (const thread of idle) thread.config = (await put(thread)) as typeof thread.config;
  return async (index) => {
    const thread = idle.pop()!;
    const writes = CHANNELS.map((channel): [string, unknown] => [channel, `write ${index}`]);
    const [stored] = await Promise.all([put(thread), thread.saver.putWrites(thread.config, writes, uuid6(1))]);
    thread.config = stored as typeof thread.config;
    idle.push(thread);
  };
}
