import { Ago } from "../ui/clock.tsx";
import { formatMoment, shortId } from "../ui/format.ts";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { SizedJson } from "./json-view.tsx";
import type { Effect, RunDetail } from "./model.ts";
import { useEffects } from "./run-queries.ts";
import { StatusBadge } from "./status.tsx";

const KINDS: Record<Effect["kind"], string> = {
  read: "changes nothing",
  idempotent: "may be repeated under its id",
  once: "never started a second time",
};
const WORDS: Record<Effect["status"], string> = {
  held: "held back",
  intent: "begun, no receipt yet",
  not_done: "surely not done yet",
  receipt: "done, with a receipt",
  failed: "given up",
  recalled: "recalled before it began",
};

/** What was done outside, with what it was given and the receipt. */
export function EffectsView({ run, isLive }: { run: RunDetail; isLive: boolean }) {
  const { data, error, refetch } = useEffects(run.run_id, isLive);
  if (data === undefined)
    return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading what="effects" />;
  if (data.length === 0) {
    return (
      <Empty title="This run has changed nothing outside.">
        <p className="muted">What nodes do inside of effect() is listed here, with its receipt.</p>
      </Empty>
    );
  }
  return (
    <ul className="run-cards">
      {data.map((effect) => (
        <EffectCard key={effect.effect_id} effect={effect} />
      ))}
    </ul>
  );
}

function EffectCard({ effect }: { effect: Effect }) {
  return (
    <li className="run-card">
      <p className="run-card-head">
        <StatusBadge status={effect.status} short />
        <strong>
          <Line text={effect.name} />
        </strong>
        <span className="badge">{effect.kind}</span>
        <span className="muted">{KINDS[effect.kind]}</span>
      </p>
      <p className="muted">
        {WORDS[effect.status]} · begun <Ago at={effect.intent_at} />
        {effect.receipt_at !== null && ` · receipt of ${formatMoment(effect.receipt_at)}`}
        {effect.attempt > 1 && ` · tried ${effect.attempt} times`} · id{" "}
        <span className="mono" title={effect.effect_id}>
          {shortId(effect.effect_id)}
        </span>
      </p>
      {effect.error !== null && (
        <p className="run-bad-text">
          <Line text={effect.error} />
        </p>
      )}
      <div className="run-pair">
        <div>
          <h2>Arguments</h2>
          <SizedJson value={effect.args} bytes={effect.args_bytes} label={`arguments of ${effect.name}`} />
        </div>
        <div>
          <h2>Receipt</h2>
          {effect.status === "receipt" ? (
            <SizedJson value={effect.result} bytes={effect.result_bytes} label={`receipt of ${effect.name}`} />
          ) : (
            <p className="muted">none yet</p>
          )}
        </div>
      </div>
    </li>
  );
}
