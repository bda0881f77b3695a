import type { Command } from "commander";
import { answerOptions } from "../answer-example.ts";
import type { Cli } from "../cli.ts";
import { findReview } from "../find-review.ts";
import { shortId } from "../id-prefix.ts";
import { diffLines } from "../review-diff.ts";
import { historyLines, historyWire } from "../review-history.ts";
import { spokenLines } from "../review-spoken.ts";
import { isOpenReview, reviewLines } from "../review-view.ts";
import { safeJson } from "../sanitise.ts";
import type { Review } from "../wire.ts";

interface ShowOptions {
  json?: boolean;
  raw?: boolean;
  diff?: boolean;
  history?: boolean;
}

/** `review show`: one review, whole. */
export function addReviewShow(review: Command, cli: Cli): void {
  review
    .command("show")
    .description("show a review: what would happen, with which arguments, and who asks")
    .argument("<id>", "id of the review, or its first characters")
    .option("--json", "print the review as JSON")
    .option("--raw", "print the value the graph paused with, as JSON")
    .option("--diff", "print what was changed: by whoever edited it, and by the graph since it was sent back")
    .option("--history", "print what has happened to it: who looked, who decided by which right, what was done then")
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdpoint review show 7f3a\n  $ holdpoint review show 7f3a --json | jq .actions[0].args",
    )
    .action(async (id: string, options: ShowOptions) => {
      const found = await findReview(cli.api(), id);
      for (const line of await linesOf(cli, found, options)) cli.terminal.out(line);
    });
}

async function linesOf(cli: Cli, review: Review, options: ShowOptions): Promise<string[]> {
  if (options.raw === true) return [safeJson(review.value ?? null, 2)];
  if (options.diff === true) return await diffLines(cli.api(), review, cli.terminal);
  if (options.history === true) return await historyOf(cli, review, options.json === true);
  if (options.json === true) return [safeJson(review, 2)];
  const said = await spokenLines(cli.api(), review, cli.terminal);
  return [...reviewLines(review, said, cli.terminal), ...nextLines(cli, review)];
}

function nextLines(cli: Cli, review: Review): string[] {
  if (!isOpenReview(review)) return [];
  const id = shortId(review.id);
  const allowed = new Set(review.actions.flatMap((action) => action.allowed));
  const commands = [
    ...(allowed.has("approve") ? [`review approve ${id} -m "…"`] : []),
    ...(allowed.has("edit") ? [`review edit ${id} --set ${editableName(review)}=…`] : []),
    ...answersOf(review).map((options) => `review respond ${id} ${options}`),
    ...(allowed.has("reject") ? [`review reject ${id} -m "…"`] : []),
  ];
  return ["", ...commands.map((command) => cli.terminal.colours.dim(`  ${cli.name} ${command}`))];
}

/** How the first action that takes a response can be given one. */
function answersOf({ actions }: Review): string[] {
  const asks = actions.find(({ allowed }) => allowed.includes("respond"));
  return asks === undefined ? [] : answerOptions(asks);
}

/** The argument that an edit is most likely about. */
function editableName({ actions }: Review): string {
  const path = actions[0]?.editable_paths?.[0];
  const first = path === undefined ? Object.keys(actions[0]?.args ?? {})[0] : path.slice(1).replaceAll("/", ".");
  return /^[\w.-]+$/.test(first ?? "") ? (first as string) : "name";
}

/** Everything about a review, and whether the record of it still holds. */
async function historyOf(cli: Cli, { id }: Review, json: boolean): Promise<string[]> {
  const path = `/reviews/${encodeURIComponent(id)}/history`;
  const { body: history } = await cli.api().request("GET", path, historyWire);
  return json ? [safeJson(history, 2)] : historyLines(history, cli.terminal);
}
