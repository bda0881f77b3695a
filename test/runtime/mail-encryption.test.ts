import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { deliverySettings } from "../../src/compose/delivery-settings.ts";
import { readConfig } from "../../src/config.ts";
import type { MailAnswer } from "../../src/protocol/delivery.ts";
import { sendMail } from "../../src/runtime/mail-request.ts";
import { type SelfMade, selfMade } from "../support/certificate.ts";
import { type MailReceiver, openMailReceiver } from "../support/mail-receiver.ts";

let folder: string;
let own: SelfMade;
let post: MailReceiver;
const others: MailReceiver[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hp-mail-"));
  own = selfMade("127.0.0.1");
  writeFileSync(join(folder, "own.pem"), `The certificate of the mail server:\n${own.cert}`);
  writeFileSync(join(folder, "two.pem"), `${selfMade("mail.example").cert}\n${own.cert}`);
  writeFileSync(join(folder, "another.pem"), selfMade("127.0.0.1").cert);
  post = await openMailReceiver(own);
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
  post.mails.length = 0;
});
afterAll(async () => {
  await post?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends a mail as a process does that has this in its environment. */
async function send(receiver: MailReceiver, env: Record<string, string>, url?: string): Promise<MailAnswer> {
  const address = url ?? `smtp://ana:sesame@127.0.0.1:${receiver.server.port}?tls=required`;
  const config = readConfig(
    { HOLDPOINT_SMTP_URL: address, HOLDPOINT_MAIL_FROM: "holdpoint@example.com", ...env },
    folder,
  );
  const { mail } = deliverySettings(config, {});
  if (mail == null) throw new Error("no mail server is configured");
  return await sendMail({
    ...mail,
    to: "bob@example.com",
    mail: { subject: "Review", text: "Look at it." },
    delivery_id: "d",
    created_at: new Date(0).toISOString(),
    topic: "t",
    signal: new AbortController().signal,
  });
}

const OFFERS = ["STARTTLS", "AUTH PLAIN"];
const BY_OWN = { HOLDPOINT_SMTP_CA_FILE: "own.pem" };

test.each(["own.pem", "two.pem"])(
  "a mail is handed over by STARTTLS to a server that %s signs, and its password only then",
  async (file) => {
    post.behave({}, OFFERS);
    const answer = await send(post, { HOLDPOINT_SMTP_CA_FILE: file });
    expect(answer).toMatchObject({ status: 250, error: null, isRefused: false });
    expect(post.mails).toMatchObject([{ to: "bob@example.com", isEncrypted: true, user: "ana" }]);
  },
);

test("a server that offers to encrypt is taken at its word without being asked to", async () => {
  post.behave({}, ["STARTTLS"]);
  expect(await send(post, BY_OWN, `smtp://127.0.0.1:${post.server.port}`)).toMatchObject({ status: 250, error: null });
  expect(post.mails).toMatchObject([{ isEncrypted: true, user: null }]);
});

test("a mail is handed over to a server that encrypts from the first byte", async () => {
  const other = await openMailReceiver(own, { isEncrypted: true });
  others.push(other);
  other.behave({}, ["AUTH PLAIN"]);
  const url = `smtps://ana:sesame@127.0.0.1:${other.server.port}`;
  expect(await send(other, BY_OWN, url)).toMatchObject({ status: 250, error: null });
  expect(other.mails).toMatchObject([{ isEncrypted: true, user: "ana" }]);
  const refused = await send(other, {}, url);
  expect([refused.status, refused.isRefused, other.mails.length]).toEqual([null, false, 1]);
});

test.each<[string, () => SelfMade, Record<string, string>, RegExp]>([
  ["nobody whom Node.js knows has signed", () => own, {}, /self-signed/],
  [
    "somebody else has signed",
    () => own,
    { HOLDPOINT_SMTP_CA_FILE: "another.pem" },
    /self-signed|certificate|signature/,
  ],
  ["is another machine's", () => selfMade("mail.example"), BY_OWN, /altnames|IP/],
  ["is out of date", () => selfMade("127.0.0.1", -1), BY_OWN, /expired/],
])("nothing is told to a server whose certificate %s, and it is tried again later", async (_what, make, env, words) => {
  const secret = make();
  const other = await openMailReceiver(secret);
  others.push(other);
  other.behave({}, OFFERS);
  const trusts = secret === own ? env : { HOLDPOINT_SMTP_CA_FILE: "theirs.pem" };
  writeFileSync(join(folder, "theirs.pem"), secret.cert);
  for (const url of [undefined, `smtp://127.0.0.1:${other.server.port}`]) {
    const answer = await send(other, trusts, url);
    expect(answer).toMatchObject({ status: null, isRefused: false, error: expect.stringMatching(words) });
  }
  expect(other.mails).toEqual([]);
});

test.each<[string, string | Buffer | undefined, string]>([
  ["is not there", undefined, "it cannot be read (ENOENT)"],
  ["is empty", "", "it has no certificate"],
  ["is a key", selfMade("x").key, "it has no certificate"],
  [
    "is damaged",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "certificate 1 in it cannot be read",
  ],
  ["is binary", Buffer.alloc(5_000, 0xff), "it has no certificate"],
  ["is huge", "x".repeat(2_000_000), "it is larger than 1048576 bytes"],
])("a file of certificates that %s stops the start in one line", (_what, content, why) => {
  const path = join(folder, "wrong.pem");
  rmSync(path, { force: true });
  if (content !== undefined) writeFileSync(path, content);
  const config = readConfig({ HOLDPOINT_SMTP_CA_FILE: "wrong.pem" }, folder);
  let message = "";
  try {
    deliverySettings(config, {});
  } catch (error) {
    expect(error).toMatchObject({ code: "configuration_invalid" });
    message = (error as Error).message;
  }
  expect(message).toContain(`HOLDPOINT_SMTP_CA_FILE is ${path}: ${why}`);
  expect(message).not.toContain("\n");
  expect(message).not.toContain("PRIVATE KEY");
});
