import { Link } from "wouter";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { Ago, Due } from "../ui/clock.tsx";
import { formatMoment, shortId } from "../ui/format.ts";
import { Icon } from "../ui/icons.tsx";
import { Line } from "../ui/text.tsx";
import { changesBetween, editedArgs, labelOf } from "./args-model.ts";
import type { Asking } from "./attend-menu.tsx";
import { isOpen, RiskBadge, StatusBadge } from "./badges.tsx";
import { actionDraft, type Draft } from "./decision.ts";
import { useAttend } from "./queries.ts";
import { Custody } from "./verdict.tsx";

interface Props {
  review: ReviewTask;
  me: string;
  mayDecide: boolean;
  setAsking: (asking: Asking) => void;
}

/** What is asked, since when and until when, and who has it in hand. */
export function Head({ review, me, mayDecide, setAsking }: Props) {
  const attend = useAttend(review);
  const isMine = review.claim?.by === me;
  return (
    <header className="review-head">
      <div className="review-line">
        <Link href="/reviews" className="back" aria-label="Back to the list">
          <Icon name="back" />
        </Link>
        <StatusBadge review={review} />
        <RiskBadge risk={review.risk} />
        {isOpen(review) && review.due_at !== null && <Due at={review.due_at} />}
        <Custody review={review} me={me} />
        {isOpen(review) && mayDecide && (
          <span className="review-tools">
            <button
              type="button"
              className="button quiet"
              disabled={attend.isPending}
              onClick={() =>
                attend.mutate(
                  isMine ? { act: "release", done: "Given back." } : { act: "claim", done: "In your hands." },
                )
              }
            >
              {isMine ? "Release" : "Claim"}
            </button>
            <button type="button" className="button quiet" onClick={() => setAsking("ask")}>
              Ask…
            </button>
            <button type="button" className="button quiet" onClick={() => setAsking("snooze")}>
              Snooze…
            </button>
            <button type="button" className="button quiet" onClick={() => setAsking("assign")}>
              Assign…
            </button>
          </span>
        )}
      </div>
      <h1 id="review-title">
        <Line text={review.title} />
      </h1>
      <p className="muted review-facts">
        <span>
          <Line text={review.graph_id} /> · <Line text={review.node} />
          {review.guarded ? " · guarded" : ""}
        </span>
        <span>
          asked by <Line text={review.requested_by} /> <Ago at={review.opened_at} />
        </span>
        <span>
          run{" "}
          <Link href={`/runs/${review.run_id}`}>
            <code>{shortId(review.run_id)}</code>
          </Link>
        </span>
        <span title={review.graph_fingerprint}>
          code <code>{shortId(review.graph_fingerprint.replace("sha256:", ""))}</code>
        </span>
        {isOpen(review) && <Terms review={review} />}
      </p>
    </header>
  );
}

const ENDS = { fail: "it ends and its run fails", reject: "it is rejected", approve: "it is approved" };

/** Who is asked, and what happens when nobody answers. */
function Terms({ review }: { review: ReviewTask }) {
  const { candidates, policy, deadlines } = review;
  const lists = [candidates, ...(policy.also_candidates ?? [])]
    .map(({ users, groups }) => [...users, ...groups].join(", "))
    .filter((names) => names !== "");
  const end = deadlines.find(({ step }) => step === "end");
  return (
    <>
      {lists.length > 0 && (
        <span>
          for <Line text={lists.join(" and also ")} />
        </span>
      )}
      {end?.step === "end" && (
        <span>
          otherwise {ENDS[end.action]}, <time dateTime={end.at}>{formatMoment(end.at)}</time>
        </span>
      )}
    </>
  );
}

/** What will happen, in one sentence for each action; and what was changed about it here. */
export function Effects({ review, draft }: { review: ReviewTask; draft: Draft }) {
  const several = review.actions.length > 1;
  return (
    <section className="effects" aria-label="What will happen">
      {review.actions.map((action) => {
        const said = actionDraft(draft, action.index);
        const changes =
          said.type === "edit" ? changesBetween(action.args, editedArgs(action.args, said.args, action).args) : [];
        return (
          <p key={action.index} className="effect">
            <span className="effect-lead">
              {several ? `${action.index + 1}. ` : ""}
              {leadOf(review, action)}{" "}
            </span>
            <Line text={action.preview ?? sentenceOf(review, action.name)} />
            {changes.length > 0 && (
              <span className="effect-change">
                {" "}
                With your {changes.length === 1 ? "change" : "changes"}:{" "}
                <Line
                  text={changes
                    .map(({ pointer, after }) => `${labelOf(pointer)} ${after.slice(0, 60) || "(gone)"}`)
                    .join(", ")}
                />
                .
              </span>
            )}
          </p>
        );
      })}
    </section>
  );
}

function leadOf(review: ReviewTask, { allowed }: ReviewTask["actions"][number]): string {
  if (!isOpen(review)) return "It was about this:";
  return allowed.includes("approve") ? "If you approve:" : "If you answer:";
}

function sentenceOf({ flavour, graph_id, node }: ReviewTask, name: string): string {
  if (flavour === "breakpoint") return `${graph_id} goes on with ${node}.`;
  if (flavour === "raw" || flavour === "schema") return `${graph_id} goes on at ${node} with what you answer.`;
  return `${name} runs with the arguments below.`;
}
