import { openLab } from "./checkpointer/lab.ts";
import { describeMachine, measureMachine } from "./checkpointer/machine.ts";
import { loadPeers } from "./checkpointer/peers.ts";
import { dbosRate, directRate, holdpointRate, inTurns, queueToStart, recovery } from "./engine-cases.ts";
import { IN_FLIGHT } from "./engine-rate.ts";
import { ms, percentile, type Row } from "./table.ts";

const LEASE_MS = 2_000;

const say = (line: string) => process.stderr.write(`bench: ${line}\n`);

/** What the engine does with what it is given: how soon, how much, and how it goes on after a kill. */
export async function measureEngine({ quick }: { quick: boolean }): Promise<Row[]> {
  const peers = await loadPeers(say);
  const lab = await openLab({ quick, latencies: [0], peers });
  try {
    say(describeMachine(await measureMachine(lab)));
    const started = await queueToStart(lab, quick ? 40 : 200);
    say("queue to start is measured");
    const recovered = await recovery(lab, quick ? 2 : 5, LEASE_MS);
    say("recovery is measured");
    const count = quick ? 500 : 2_000;
    const accepted = { ours: 0, dbos: 0 };
    const rates = await inTurns(quick ? 1 : 3, {
      one: async () => {
        const { rate, accepted: perSecond } = await holdpointRate(lab, count, 1);
        accepted.ours = perSecond;
        return rate;
      },
      memory: () => directRate(lab, count, "memory"),
      two: async () => (await holdpointRate(lab, count, 2)).rate,
      ...(peers.dbos === undefined
        ? {}
        : {
            dbos: async () => {
              const { rate, accepted: perSecond } = await dbosRate(lab, count);
              accepted.dbos = perSecond;
              return rate;
            },
          }),
      ...(peers.official === undefined ? {} : { official: () => directRate(lab, count, "official") }),
    });
    return rowsOf(started, recovered, rates as unknown as Rates, accepted);
  } finally {
    await lab.close();
  }
}

interface Rates {
  one: number;
  two: number;
  memory: number;
  dbos?: number;
  official?: number;
}

function rowsOf(started: number[], recovered: number[], rates: Rates, accepted: { ours: number; dbos: number }): Row[] {
  const { one, two, memory, dbos, official } = rates;
  const against = (other: number | undefined) => (other === undefined ? "not installed" : times(one / other));
  const what = `workflows of four durable steps, ${IN_FLIGHT} in flight`;
  const slowest = ms(Math.max(...recovered));
  return [
    {
      what: "accepted → its node starts in an idle worker process, p50",
      figure: ms(percentile(started, 0.5)),
      expected: "≤ 5 ms",
    },
    { what: "the same, p99", figure: ms(percentile(started, 0.99)), expected: "" },
    { what: `${what}: one worker process`, figure: perSecond(one), expected: "" },
    { what: "the same: DBOS through its queue, one process", figure: perSecond(dbos), expected: "" },
    {
      what: "the same graph on the official saver, called directly, one process",
      figure: perSecond(official),
      expected: "",
    },
    { what: "the same graph in memory, called directly, one process", figure: perSecond(memory), expected: "" },
    { what: "Holdpoint / DBOS", figure: against(dbos), expected: "≥ 1 ×" },
    { what: "Holdpoint / the official saver", figure: against(official), expected: "≥ 1 ×" },
    { what: `${what}: two worker processes`, figure: perSecond(two), expected: "" },
    {
      what: "two worker processes / one, the database on the same cores",
      figure: times(two / one),
      expected: "≥ 1.5 × with the database elsewhere",
    },
    { what: "runs accepted, 64 at once", figure: perSecond(accepted.ours), expected: "" },
    { what: "workflows enqueued by DBOS, 64 at once", figure: perSecond(accepted.dbos), expected: "" },
    {
      what: `a worker is killed → its run goes on elsewhere, beyond the lease of ${LEASE_MS / 1000} s, slowest`,
      figure: slowest,
      expected: "≤ 1 s",
    },
  ];
}

const times = (ratio: number) => `${ratio.toFixed(2)} ×`;
const perSecond = (rate: number | undefined) => (rate === undefined ? "not installed" : `${rate.toFixed(0)} /s`);
