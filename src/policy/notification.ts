import { z } from "zod";
import { SEVERITIES } from "../protocol/finding.ts";
import { isMailAddress } from "./mail-address.ts";
import { clipped, defanged, type MailText } from "./review/notice-mail.ts";
import { visibleLine } from "./visible-text.ts";

/** The event of a delivery that a workflow has asked for. */
export const NOTIFICATION_EVENT = "notification";

/** What a workflow tells people. */
export const notificationSchema = z.strictObject({
  title: z.string().trim().min(1).max(200),
  text: z.string().max(10_000).default(""),
  severity: z.enum(SEVERITIES).default("info"),
});

/** What a workflow tells people. */
export type Notification = z.output<typeof notificationSchema>;

/** What a notification was made of, and by which run. */
export interface SentFrom {
  thread_id: string;
  run_id: string;
  created_at: string;
}

/** How somebody is reached: a web address, or mailto: and the address of one person; undefined when it is neither. */
export function notificationTarget(text: string): { channel: "webhook" | "mail"; url: string } | undefined {
  const address = /^mailto:(.+)$/i.exec(text)?.[1];
  if (address !== undefined) return isMailAddress(address) ? { channel: "mail", url: `mailto:${address}` } : undefined;
  const url = URL.parse(text);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
  return isPlain ? { channel: "webhook", url: url.href } : undefined;
}

/** The body of a webhook. */
export function notificationWebhookBody(notification: Notification, from: SentFrom): string {
  const { thread_id, run_id, created_at } = from;
  return JSON.stringify({ type: "notification", timestamp: created_at, data: { ...notification, thread_id, run_id } });
}

const LONGEST_SUBJECT = 200;

/** The mail to one person. Its words are a workflow's, which may quote others: no mail program finds a link among them. */
export function notificationMail({ title, text, severity }: Notification, { thread_id, run_id }: SentFrom): MailText {
  const lines = [
    "A workflow says:",
    "",
    `  ${defanged(title)}`,
    ...(text === "" ? [] : ["", ...text.split("\n").map((line) => `  ${defanged(line)}`.trimEnd())]),
    "",
    `Severity: ${severity}`,
    `Thread: ${defanged(thread_id)}`,
    `Run: ${run_id}`,
    "",
    "The indented lines are the words of the graph, which may quote customers and models.",
  ];
  const subject = clipped(`[Holdpoint] ${severity}: ${visibleLine(title)}`, LONGEST_SUBJECT);
  return { subject, text: `${lines.join("\n")}\n` };
}
