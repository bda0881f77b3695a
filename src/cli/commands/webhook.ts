import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { reviewWebhookBody } from "../../policy/review/notice-webhook.ts";
import { webhookTarget } from "../../policy/webhook-target.ts";
import { signedWebhook } from "../../runtime/signed-webhook.ts";
import { postWebhook } from "../../runtime/webhook-request.ts";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { count } from "../format.ts";
import { safeJson, sanitiseLine, sanitiseText } from "../sanitise.ts";

/** `webhook`: tries one out. */
export function addWebhookCommands(program: Command, cli: Cli): void {
  const webhook = program.command("webhook").description("try a webhook out").helpCommand(false);
  webhook
    .command("test")
    .description("send a signed sample of what a review tells, as this server would, and print the answer")
    .argument("<url>", "where to")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
It is sent from here, with HOLDPOINT_WEBHOOK_SECRETS, HOLDPOINT_WEBHOOK_ALLOW and HOLDPOINT_WEBHOOK_TIMEOUT_MS as they are
set here. Ends with 1 unless the answer is a 2xx: everything else a server would send again, but a 410.

Examples:
  $ holdpoint webhook test https://example.com/hooks/reviews`,
    )
    .action((url: string, options: { json?: boolean }) => testWebhook(cli, url, options.json === true));
}

async function testWebhook(cli: Cli, given: string, isJson: boolean): Promise<void> {
  const { terminal } = cli;
  const { webhookSecrets: secrets, webhookAllow: allow, webhookTimeoutMs: timeoutMs, publicUrl } = cli.config();
  const target = webhookTarget(given, allow);
  if (!target.ok) throw usageError(`the webhook ${sanitiseLine(target.reason)}`);
  const id = randomUUID();
  const body = sampleBody(terminal.now(), publicUrl ?? "http://localhost:8123");
  const { headers } = signedWebhook({ id, body }, secrets);
  const signal = new AbortController().signal;
  const answer = await postWebhook({ url: target.url, headers, body, timeoutMs, allow, signal });
  const { status, error, duration_ms } = answer;
  if (isJson) terminal.out(safeJson({ url: target.url, webhook_id: id, signatures: secrets.length, ...answer }, 2));
  else {
    const signed =
      secrets.length === 0 ? "unsigned: HOLDPOINT_WEBHOOK_SECRETS is not set here" : count(secrets.length, "signature");
    terminal.out(`sent: ${sanitiseLine(target.url)}, webhook-id ${id}, ${signed}`);
    terminal.out(`answered: ${status ?? sanitiseLine(error ?? "nothing")} in ${duration_ms} ms`);
    if (answer.body !== null && answer.body.trim() !== "") terminal.out(sanitiseText(answer.body.trim()));
  }
  if (status !== null && status >= 200 && status <= 299) return;
  throw new CommandError(
    EXIT.failed,
    status === null ? "there was no answer" : `${status} is no 2xx, and counts as a failure`,
  );
}

const NIL = "00000000-0000-0000-0000-000000000000";

function sampleBody(now: Date, publicUrl: string): string {
  const at = now.toISOString();
  const ids = { review_id: NIL, group_id: NIL, thread_id: NIL, run_id: NIL };
  const what = {
    graph_id: "sample",
    node: "sample",
    title: "A sample: nothing waits for a decision",
    status: "open",
  } as const;
  const rest = { outcome: null, risk: null, priority: 50, revision: 1, due_at: null, assignee: null, reason: null };
  const told = { event: "review.opened", kind: "opened", seq: 1, at, by: "holdpoint", requested_by: "holdpoint" };
  return reviewWebhookBody({ ...ids, ...what, ...rest, ...told, effects: [], more_effects: 0 }, publicUrl);
}
