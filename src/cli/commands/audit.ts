import { createHash } from "node:crypto";
import type { Command } from "commander";
import { type AuditFault, verifyReview } from "../../policy/audit-verify.ts";
import type { AuditedReview } from "../../protocol/audit.ts";
import { type AuditFilter, auditedReviews, type ExportEnd, reviewsInFile } from "../audit-pages.ts";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { findReview } from "../find-review.ts";
import { count } from "../format.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";

interface VerifyOptions {
  since?: string;
  review?: string;
  file?: string;
  json?: boolean;
}

interface ExportOptions {
  since?: string;
  review?: string;
}

const SINCE = "only reviews of which something was recorded since 90m, 24h, 30d, or a date";

/** `audit`: checks the record of what was asked, decided and done, here or in a file, and takes it away. */
export function addAuditCommands(program: Command, cli: Cli): void {
  const audit = program
    .command("audit")
    .description("check the record of reviews, and take it away")
    .helpCommand(false);
  audit
    .command("verify")
    .description("check that no entry of any review's record was changed, and that the rows are what the entries say")
    .option("--since <when>", SINCE)
    .option("--review <id>", "only this review")
    .option("--file <path>", "check what holdpoint audit export wrote, without any server")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The entries are read from the server with a key that has audit:read; every hash is computed here, so the server is
asked for the entries and not for its word. Ends with 1 and names the first entry that does not hold.
An end that was cut off can be found by the rows, or by comparing "heads" with what it was before: keep it elsewhere.

Examples:
  $ holdpoint audit verify
  $ holdpoint audit verify --since 30d
  $ holdpoint audit export > audit.jsonl && holdpoint audit verify --file audit.jsonl`,
    )
    .action((options: VerifyOptions) => verify(cli, options));
  audit
    .command("export")
    .description(
      "print the record of reviews as JSON lines: everything that is needed to check it without the database",
    )
    .option("--since <when>", SINCE)
    .option("--review <id>", "only this review")
    .addHelpText(
      "after",
      `
It holds what was shown and decided, and the arguments and receipts of what was done: treat it as you treat those.

Examples:
  $ holdpoint audit export --since 30d > audit.jsonl`,
    )
    .action((options: ExportOptions) => exportRecords(cli, options));
}

/** What has been read so far. */
interface Tally {
  reviews: number;
  entries: number;
  add(review: AuditedReview): void;
  end(): ExportEnd;
}

function startTally(): Tally {
  const heads = createHash("sha256");
  const tally: Tally = {
    reviews: 0,
    entries: 0,
    add({ review_id, links }) {
      tally.reviews += 1;
      tally.entries += links.length;
      heads.update(`${review_id} ${links.at(-1)?.hash ?? ""}\n`);
    },
    end: () => ({
      end: true,
      reviews: tally.reviews,
      entries: tally.entries,
      heads: `sha256:${heads.copy().digest("hex")}`,
    }),
  };
  return tally;
}

async function verify(cli: Cli, options: VerifyOptions): Promise<void> {
  if (options.file !== undefined && (options.since !== undefined || options.review !== undefined))
    throw usageError("--file checks all that is in the file: leave --since and --review away");
  const { terminal } = cli;
  const tally = startTally();
  const reviews =
    options.file === undefined
      ? auditedReviews(cli.api(), await filterOf(cli, options))
      : reviewsInFile(options.file, terminal);
  // By hand, because what such a generator returns is lost in a for.
  let next = await reviews.next();
  for (; next.done !== true; next = await reviews.next()) {
    tally.add(next.value);
    const fault = verifyReview(next.value);
    if (fault !== null) return broken(cli, fault, tally, options.json === true);
    if (tally.reviews % 100 === 0) terminal.status(`${count(tally.reviews, "review")} so far`);
  }
  terminal.status("");
  const found = tally.end();
  const claimed = next.value;
  if (claimed !== undefined && safeJson(claimed) !== safeJson(found))
    throw new CommandError(
      EXIT.failed,
      `the file says that it holds ${count(claimed.reviews, "review")}, ${claimed.entries} entries and ${sanitiseLine(claimed.heads)}, and it holds ${found.reviews}, ${found.entries} and ${found.heads}: something was taken out or put in`,
    );
  const { reviews: number, entries, heads } = found;
  if (options.json === true) return terminal.out(safeJson({ ok: true, reviews: number, entries, heads }, 2));
  terminal.out(
    `${terminal.colours.green("intact")}: ${count(number, "review")}, ${entries === 1 ? "1 entry" : `${entries} entries`}`,
  );
  terminal.out(terminal.colours.dim(`heads ${heads}`));
}

function broken(cli: Cli, fault: AuditFault, { reviews, entries }: Tally, isJson: boolean): never {
  const { review_id, seq, audit_seq, what, message } = fault;
  if (isJson) cli.terminal.out(safeJson({ ok: false, reviews, entries, first: fault }, 2));
  const row = audit_seq === null ? "" : ` (row ${audit_seq} of the log)`;
  throw new CommandError(
    EXIT.failed,
    sanitiseLine(`broken: review ${review_id}, entry ${seq}${row}, ${what}: ${message}`),
  );
}

async function exportRecords(cli: Cli, options: ExportOptions): Promise<void> {
  const { terminal } = cli;
  const filter = await filterOf(cli, options);
  const tally = startTally();
  const head = { holdpoint_audit: 1, exported_at: terminal.now().toISOString(), since: options.since ?? null };
  terminal.out(JSON.stringify(head));
  for await (const review of auditedReviews(cli.api(), filter)) {
    tally.add(review);
    terminal.out(safeJson(review));
  }
  terminal.out(JSON.stringify(tally.end()));
}

async function filterOf(cli: Cli, { since, review }: ExportOptions): Promise<AuditFilter> {
  return { since, review_id: review === undefined ? undefined : (await findReview(cli.api(), review)).id };
}
