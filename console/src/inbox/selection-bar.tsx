import { useState } from "react";
import { queries } from "../app/query.ts";
import { messageOf, post } from "../data/api.ts";
import { count } from "../ui/format.ts";
import { say } from "../ui/toast.tsx";

const FOUR_HOURS_MS = 4 * 3_600_000;

/** What can be done with several reviews at once; deciding is not among it. */
export function SelectionBar({ ids, onDone }: { ids: readonly string[]; onDone: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const act = async (name: "claim" | "release" | "snooze", done: string) => {
    setBusy(true);
    const body = name === "snooze" ? { until: new Date(Date.now() + FOUR_HOURS_MS).toISOString() } : {};
    const results = await Promise.allSettled(ids.map((id) => post(`/reviews/${id}/${name}`, body)));
    const failed = results.filter((result) => result.status === "rejected");
    if (failed.length < ids.length) say(`${count(ids.length - failed.length, "review")} ${done}.`, "ok");
    if (failed[0] !== undefined) say(`${count(failed.length, "review")} not: ${messageOf(failed[0].reason)}`, "bad");
    setBusy(false);
    onDone();
    void queries.invalidateQueries({ queryKey: ["reviews"] });
    void queries.invalidateQueries({ queryKey: ["review"] });
  };
  return (
    <div className="selection-bar" role="toolbar" aria-label="Selected reviews">
      <strong>{count(ids.length, "review")} selected</strong>
      <button type="button" className="button" disabled={isBusy} onClick={() => void act("claim", "in your hands")}>
        Claim
      </button>
      <button type="button" className="button" disabled={isBusy} onClick={() => void act("release", "given back")}>
        Release
      </button>
      <button
        type="button"
        className="button"
        disabled={isBusy}
        onClick={() => void act("snooze", "out of sight for four hours")}
      >
        Snooze 4 h
      </button>
      <button type="button" className="button quiet" onClick={onDone}>
        Clear
      </button>
    </div>
  );
}
