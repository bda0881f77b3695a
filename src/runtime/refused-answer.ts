import { changedQuestion } from "../kit/review/changed-question.ts";
import { describeChanges, shownChanges } from "../policy/review/shown-change.ts";
import type { Database } from "../postgres/database.ts";
import type { Why } from "../postgres/last-writes.ts";
import { selectGroup } from "../postgres/reviews.sql.ts";
import type { RunError, RunRow } from "../postgres/runs.sql.ts";
import type { Json } from "../protocol/json.ts";
import { describe } from "./describe-error.ts";

const MOST_ISSUES = 5;
const DEEPEST_CAUSE = 10;

/** Why the graph refused the answer that a run carried: for the run, and for the reviews that it was the answer of. */
export async function refusedAnswer(
  database: Database,
  run: Pick<RunRow, "tenant_id" | "group_id">,
  thrown: unknown,
): Promise<{ error: RunError; why: Why }> {
  const changed = changedQuestion(thrown);
  if (changed === undefined) return refusedBySchema(thrown);
  const group = run.group_id === null ? [] : await database.many(selectGroup(run.tenant_id, run.group_id));
  const asked = group.find(({ value_digest }) => value_digest === changed.answered_digest);
  const reason = `what review "${changed.value.key}" shows has changed since it was decided`;
  const shown = changed.value as unknown as Json;
  const changes = asked === undefined ? [] : shownChanges(JSON.parse(asked.value) as Json, shown);
  const message = changes.length === 0 ? reason : `${reason}: ${describeChanges(changes)}`;
  return { error: { error: "stale", message }, why: { reason, changes } };
}

function refusedBySchema(thrown: unknown): { error: RunError; why: Why } {
  const issues = issuesOf(thrown);
  const said = issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
    const pointer = path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
    return pointer === "" ? message : `${pointer}: ${message}`;
  });
  const more = issues.length > MOST_ISSUES ? [`and ${issues.length - MOST_ISSUES} more`] : [];
  const message = `the graph refused the answer: ${[...said, ...more].join("; ")}`;
  const error = issues.length === 0 ? describe(thrown) : { error: "stale", message };
  return { error, why: { reason: error.message } };
}

interface Issue {
  path: readonly PropertyKey[];
  message: string;
}

/** What a zod schema has found, of whichever version of zod the workflow uses. */
function issuesOf(thrown: unknown): Issue[] {
  let current = thrown;
  for (let depth = 0; depth < DEEPEST_CAUSE && typeof current === "object" && current !== null; depth += 1) {
    const { issues, cause } = current as { issues?: unknown; cause?: unknown };
    if (Array.isArray(issues)) return issues.filter(isIssue);
    current = cause;
  }
  return [];
}

function isIssue(issue: unknown): issue is Issue {
  if (typeof issue !== "object" || issue === null) return false;
  const { path, message } = issue as Partial<Issue>;
  return Array.isArray(path) && typeof message === "string";
}
