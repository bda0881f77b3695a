import { describe, expect, test } from "vitest";
import type { MailServer } from "../../src/policy/mail-address.ts";
import { replay } from "../../src/postgres/deliveries.ts";
import type { Delivery } from "../../src/protocol/delivery.ts";
import type { Conduct } from "../support/mail-receiver.ts";
import { approve } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import {
  deliver,
  delivery,
  house,
  noticesOf,
  opened,
  openNoticeScene,
  PUBLIC_URL,
  post,
  reminder,
  send,
  settle,
  tell,
} from "./notice-scene.ts";

openNoticeScene();

/** How mails are handed over, with another server or less patience. */
const by = (server: Partial<MailServer>, timeoutMs = 5_000) => ({
  mail: {
    server: { ...post.server, ...server },
    from: { name: "Holdpoint", address: "holdpoint@example.com" },
    timeoutMs,
  },
});

describe("a mail about a review", () => {
  test("says what is asked and what would happen, names no argument, and leads to a page", async () => {
    tell({ mail: ["ana@example.com", "bob@example.com"] }, { risk: "high" });
    const review = await opened("guarded-payment", { amount: 7 });
    await send(review);
    expect(post.mails.map(({ to }) => to).sort()).toEqual(["ana@example.com", "bob@example.com"]);
    const [mail] = post.mails;
    expect(mail?.from).toBe("holdpoint@example.com");
    expect(mail?.headers).toMatchObject({
      from: "Holdpoint <holdpoint@example.com>",
      to: mail?.to,
      subject: `[Holdpoint] Review: ${review.title}`,
      "auto-submitted": "auto-generated",
      "list-unsubscribe": expect.stringMatching(/^<mailto:holdpoint@example\.com\?subject=unsubscribe%20/),
      references: `<${review.id}@example.com>`,
    });
    const [notice] = await noticesOf(review);
    expect(post.mails.map(({ headers }) => headers["message-id"])).toContain(`<${notice?.delivery_id}@example.com>`);
    expect(mail?.text).toContain(review.title);
    expect(mail?.text).toContain("If approved:");
    expect(mail?.text).toContain("Risk: high");
    expect(mail?.text.match(/https?:\/\/\S+/g)).toEqual([`${PUBLIC_URL}/reviews/${review.id}`]);
    expect(mail?.text).toContain("decides nothing");
    expect(await noticesOf(review)).toMatchObject([
      { channel: "mail", status: "delivered", answer_status: 250, event: "review.opened" },
      { channel: "mail", status: "delivered" },
    ]);
  });

  test("is not written about what is over: a decision is no reason to open a mailbox", async () => {
    tell({ mail: ["ana@example.com"] });
    const review = await opened();
    await approve(house, review);
    await settle();
    expect((await noticesOf(review)).map(({ event }) => event)).toEqual(["review.opened"]);
  });

  test("is one mail with one subject, whatever the graph has put into its title", async () => {
    const id = await reminder();
    const title = `Refund\r\nBcc: mallory@example.com\r\n\r\n\u202e\u0000 https://evil.example www.evil.example ${"x".repeat(5_000_000)}`;
    await house.database.pool.query(
      "update holdpoint.delivery set body = (body::jsonb || jsonb_build_object('title', $1::text, 'effects', jsonb_build_array($1::text)))::text where delivery_id = $2",
      [title.replace("\0", ""), id],
    );
    await deliver(id);
    const [mail, ...more] = post.mails;
    expect(more).toEqual([]);
    expect(mail?.to).toBe("ana@example.com");
    expect(mail?.headers).not.toHaveProperty("bcc");
    expect(mail?.headers["subject"]).toContain("Refund\\r\\nBcc: mallory@example.com");
    expect(mail?.headers["subject"]?.length).toBeLessThan(300);
    expect(mail?.raw.length).toBeLessThan(20_000);
    expect(mail?.text).not.toMatch(/\u202e|https?:\/\/evil|www\./);
  });

  test.each([
    "ana@example.com\r\nRCPT TO:<eve@example.com>",
    "ana@example.com, eve@example.com",
    "ana",
    "<ana@example.com>",
    "a b@example.com",
    "ana@exa\u043cple.com",
  ])("is not sent to %j, which is no address, and not tried again", async (address) => {
    const id = await reminder(address);
    const before = post.connections();
    await deliver(id);
    expect(await delivery(id)).toMatchObject({
      status: "gone",
      answer_status: null,
      error: expect.stringContaining("no mail address"),
    });
    expect(post.connections()).toBe(before);
    expect(post.mails).toEqual([]);
  });

  test("waits while no server is named, and is sent once there is one", async () => {
    const id = await reminder();
    await deliver(id, { mail: null });
    expect(await delivery(id)).toMatchObject({
      status: "pending",
      error: expect.stringContaining("HOLDPOINT_SMTP_URL"),
    });
    await house.pass(60);
    await deliver(id);
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempts: 2 });
  });
});

interface Failure {
  name: string;
  conduct?: Conduct;
  offers?: string[];
  server?: Partial<MailServer>;
  expected: Partial<Record<keyof Delivery, unknown>>;
  /** How many mails have arrived before it is tried again. */
  arrived?: number;
}

const LATER = { status: "pending", attempts: 1 };
const NO_ANSWER = { ...LATER, answer_status: null };
const FAILURES: Failure[] = [
  { name: "refuses the connection", server: { port: 1 }, expected: NO_ANSWER },
  { name: "does not exist", server: { host: "mail.invalid" }, expected: NO_ANSWER },
  {
    name: "says nothing",
    conduct: { CONNECT: "hang" },
    expected: { ...NO_ANSWER, error: expect.stringMatching(/no answer within|timeout/i) },
  },
  { name: "is gone at once", conduct: { CONNECT: "cut" }, expected: NO_ANSWER },
  { name: "is too busy", conduct: { CONNECT: "421 too busy" }, expected: { ...LATER, answer_status: 421 } },
  { name: "does not want us", conduct: { CONNECT: "554 go away" }, expected: { ...LATER, answer_status: 554 } },
  { name: "is no mail server", conduct: { CONNECT: "SSH-2.0-x" }, expected: NO_ANSWER },
  {
    name: "does not take the sender",
    conduct: { MAIL: "550 who are you" },
    expected: { ...LATER, answer_status: 550 },
  },
  { name: "greylists", conduct: { RCPT: "451 come back later" }, expected: { ...LATER, answer_status: 451 } },
  {
    name: "wants a password first",
    conduct: { RCPT: "530 authentication required" },
    expected: { ...LATER, answer_status: 530 },
  },
  { name: "has no room", conduct: { DATA: "452 disk full" }, expected: { ...LATER, answer_status: 452 } },
  { name: "fails after the message", conduct: { END: "451 try again" }, expected: { ...LATER, answer_status: 451 } },
  { name: "hangs in the middle of the message", conduct: { BODY: "hang" }, expected: NO_ANSWER },
  { name: "is cut off in the middle of the message", conduct: { BODY: "cut" }, expected: NO_ANSWER },
  { name: "takes the message and dies before it says so", conduct: { END: "cut" }, expected: NO_ANSWER, arrived: 1 },
  { name: "takes the message and says nothing more", conduct: { END: "hang" }, expected: NO_ANSWER, arrived: 1 },
  { name: "offers no encryption where it is required", server: { needsTls: true }, expected: LATER },
  { name: "offers encryption and has none", offers: ["STARTTLS"], expected: LATER },
  { name: "does not speak TLS at all", server: { isEncrypted: true }, expected: NO_ANSWER },
  {
    name: "does not know the password",
    conduct: { AUTH: "535 wrong" },
    offers: ["AUTH PLAIN"],
    server: { user: "holdpoint", password: "sesame" },
    expected: { ...LATER, answer_status: 535 },
  },
];

describe("a mail server that", () => {
  test.each(FAILURES)(
    "$name is tried again, with the same mail",
    async ({ conduct, offers, server, expected, arrived = 0 }) => {
      const id = await reminder();
      post.behave(conduct ?? {}, offers);
      const stop = new AbortController();
      const silences = post.silences();
      const mutes = conduct?.BODY === "hang" || conduct?.END === "hang";
      // Whoever says nothing from the start is given up by the clock; from later on, when the process stops.
      const sending = deliver(id, by(server ?? {}, conduct?.CONNECT === "hang" ? 300 : 30_000), stop.signal);
      if (mutes) await until("it says nothing any more", () => post.silences() > silences);
      if (mutes) stop.abort();
      await sending;
      const failed = await delivery(id);
      expect(failed).toMatchObject(expected);
      expect(`${failed.error ?? ""}${failed.history[0]?.answer_body ?? ""}`).toMatch(/\w/);
      expect(JSON.stringify(failed)).not.toContain("sesame");
      expect(post.mails).toHaveLength(arrived);
      post.behave({});
      await house.pass(60);
      await deliver(id);
      expect(await delivery(id)).toMatchObject({ status: "delivered", attempts: 2 });
      expect(post.mails).toHaveLength(arrived + 1);
      // To whoever keeps both they are the same one.
      expect(new Set(post.mails.map(({ raw }) => raw)).size).toBe(1);
    },
  );

  test.each([
    { name: "does not know the recipient", conduct: { RCPT: "550 no such user" }, status: 550 },
    { name: "refuses the message", conduct: { END: "554 looks like spam" }, status: 554 },
  ])("$name for good is not asked again, unless a person says so", async ({ conduct, status }) => {
    const id = await reminder();
    post.behave(conduct);
    await deliver(id);
    const refused = await delivery(id);
    expect(refused).toMatchObject({ status: "gone", next_at: null, answer_status: status });
    await house.pass(86_400);
    await deliver(id);
    expect((await delivery(id)).attempts).toBe(1);
    post.behave({});
    await replay(house.database, { tenant_id: "default", delivery_id: id, principal_id: "user:ana" });
    await deliver(id);
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempts: 2 });
    expect(post.mails).toHaveLength(1);
  });

  test("knows the password gets it only where nobody else can read it, and gets the mail", async () => {
    const id = await reminder();
    post.behave({}, ["AUTH PLAIN"]);
    await deliver(id, by({ user: "holdpoint", password: "sesame", needsTls: true }));
    expect(await delivery(id)).toMatchObject({ status: "pending" });
    await house.pass(60);
    await deliver(id, by({ user: "holdpoint", password: "sesame" }));
    expect(await delivery(id)).toMatchObject({ status: "delivered" });
  });
});

test("a mail that a process was sending when it died is sent again, and is the same mail", async () => {
  const id = await reminder();
  post.behave({ END: "hang" });
  const lost = new AbortController();
  const dying = deliver(id, {}, lost.signal);
  await until("the server has it", () => post.mails.length === 1);
  // Nothing of it has been noted: for everybody else it is under way, and then it is lost.
  post.behave({});
  await deliver(id);
  expect(post.mails).toHaveLength(1);
  await house.pass(60);
  await deliver(id);
  lost.abort();
  await dying;
  expect(await delivery(id)).toMatchObject({ status: "delivered", attempts: 2 });
  expect(post.mails).toHaveLength(2);
  expect(new Set(post.mails.map(({ raw }) => raw)).size).toBe(1);
});
