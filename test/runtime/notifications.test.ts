import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMemoryNotifications } from "../../src/kit/notifications.ts";
import { notify } from "../../src/kit/tools/notify.ts";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import { dueDeliveries } from "../../src/postgres/deliveries.sql.ts";
import { readDeliveries } from "../../src/postgres/deliveries.ts";
import { createDeliverer } from "../../src/runtime/deliver.ts";
import { createNotificationPort, type NotificationSettings } from "../../src/runtime/notifications.ts";
import { createMemoryEffects, withTestPorts } from "../../src/testing.ts";
import { type House, openHouse } from "../support/house.ts";
import { type MailReceiver, openMailReceiver } from "../support/mail-receiver.ts";
import { isSignedWith, openReceiver, type Receiver } from "../support/receiver.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const allow = parseAllowList(["127.0.0.1"]) as AllowList;
const run = { tenant_id: "default", graph_id: "g", thread_id: randomUUID(), run_id: randomUUID() };

let house: House;
let receiver: Receiver;
let post: MailReceiver;
beforeAll(async () => {
  [house, receiver, post] = await Promise.all([openHouse(), openReceiver(), openMailReceiver()]);
});
afterAll(async () => {
  await receiver.close();
  await post.close();
  await house.close();
});

const port = (settings: Partial<NotificationSettings> = {}) =>
  createNotificationPort(house.database, run, { to: [], allow, isMailSet: true, ...settings });
const said = { title: "Disk full", text: "db-1 is\nfull", severity: "high" } as const;
const stored = async () => {
  const filter = { status: null, run_id: run.run_id, thread_id: null, review_id: null, limit: 100, offset: 0 };
  return (await readDeliveries(house.database, "default", filter)).deliveries;
};

/** Delivers what is due, as worker processes do. */
async function deliver(): Promise<void> {
  const mail = { server: post.server, from: { name: "", address: "holdpoint@example.com" }, timeoutMs: 30_000 };
  const carry = createDeliverer(house.parts, { secrets: [SECRET], allow, timeoutMs: 30_000, mail });
  for (const channel of ["webhook", "mail"] as const) {
    for (const { tenant_id, id } of await house.database.many(dueDeliveries(channel, 100))) {
      await carry({ tenant_id, id }, new AbortController().signal);
    }
  }
}

describe("a notification", () => {
  test("is told to everybody once, signed, under an id that stays, however often the call is made again", async () => {
    const id = randomUUID();
    const to = [
      receiver.url("/one"),
      receiver.url("/two?secret=sesame"),
      "mailto:ana@example.com",
      receiver.url("/one"),
    ];
    const sent = await port().send(id, said, to);
    expect(sent).toMatchObject([
      { delivery_id: id, channel: "webhook", to: new URL(receiver.url("/")).host },
      { channel: "webhook" },
      { channel: "mail", to: "ana@example.com" },
    ]);
    expect(JSON.stringify(sent)).not.toContain("sesame");
    expect(await port().send(id, said, to)).toEqual(sent);
    await deliver();
    expect(await port().send(id, said, to)).toEqual(sent);
    await deliver();
    const [first] = receiver.at("/one");
    expect(receiver.at("/one")).toHaveLength(1);
    expect(receiver.at("/two?secret=sesame")).toHaveLength(1);
    expect(first?.headers["webhook-id"]).toBe(id);
    expect(isSignedWith(SECRET, first as NonNullable<typeof first>)).toBe(true);
    expect(first?.body).toEqual({
      type: "notification",
      timestamp: expect.stringMatching(/^\d{4}-/),
      data: { ...said, thread_id: run.thread_id, run_id: run.run_id },
    });
    expect(post.mails).toHaveLength(1);
    expect(post.mails[0]).toMatchObject({
      to: "ana@example.com",
      headers: { subject: "[Holdpoint] high: Disk full", "message-id": `<${sent[2]?.delivery_id}@example.com>` },
      text: expect.stringContaining("\n  Disk full\n\n  db-1 is\n  full\n"),
    });
    expect((await stored()).map(({ event, status, review_id }) => [event, status, review_id])).toEqual(
      Array.from({ length: 3 }, () => ["notification", "delivered", null]),
    );
  });

  test("is tried again when nobody was there", async () => {
    receiver.answer("/busy", (response) => response.writeHead(503).end());
    const id = randomUUID();
    await port().send(id, said, [receiver.url("/busy")]);
    await deliver();
    receiver.answer("/busy", (response) => response.writeHead(204).end());
    await house.pass(60);
    await deliver();
    expect(receiver.at("/busy").map(({ headers }) => headers["webhook-id"])).toEqual([id, id]);
  });

  test("is text in a mail, whatever it says", async () => {
    const title = "Look\r\nBcc: eve@example.com \u202e";
    const text = "https://evil.example/ www.evil.example mailto:eve@example.com\n.\n\u0000";
    await port().send(randomUUID(), { ...said, title, text }, ["mailto:bob@example.com"]);
    await deliver();
    const mail = post.mails.at(-1);
    expect(mail?.headers["bcc"]).toBeUndefined();
    expect(mail?.headers["subject"]).toBe("[Holdpoint] high: Look\\r\\nBcc: eve@example.com \\u202e");
    expect(mail?.text).not.toMatch(/https?:\/\/|www\.|mailto:|[\u202e\0]/);
  });

  test.each([
    ["a mail where there is no server for mails", ["mailto:ana@example.com"], /HOLDPOINT_SMTP_URL/],
    ["an address that is private", ["http://10.0.0.1/x"], /HOLDPOINT_WEBHOOK_ALLOW/],
    ["somebody who is nobody", ["ana@example.com"], /neither a web address nor/],
  ])("is told to nobody where it names %s among others", async (_who, wrong, message) => {
    const before = (await stored()).length;
    const sending = port({ isMailSet: false }).send(randomUUID(), said, [receiver.url("/never"), ...wrong]);
    await expect(sending).rejects.toMatchObject({
      code: "tool_failed",
      facts: { class: "permission" },
      message: expect.stringMatching(message),
    });
    expect(await stored()).toHaveLength(before);
  });
});

describe("a tool that tells people something", () => {
  test("tells those it names, else those of the server, and a model chooses nobody", async () => {
    const notifications = createMemoryNotifications({ to: ["mailto:on-call@example.com"] });
    const effects = createMemoryEffects();
    await withTestPorts({ notifications, effects }, async () => {
      await notify().call({ title: "One" }, { key: "one" });
      await notify({ to: ["https://hooks.example.com/x"] }).call({ title: "Two\0" }, { key: "two" });
      const chosen = notify().call({ title: "x", to: "https://evil.example/" } as never, { key: "three" });
      await expect(chosen).rejects.toMatchObject({ facts: { class: "validation" } });
    });
    expect(notifications.sent).toMatchObject([
      { to: ["mailto:on-call@example.com"], notification: { title: "One", text: "", severity: "info" } },
      { to: ["https://hooks.example.com/x"], notification: { title: "Two\ufffd" } },
    ]);
    expect(notifications.sent.map(({ id }) => id)).toEqual(effects.recorded.map(({ effect_id }) => effect_id));
  });

  test("says so where nobody is named", async () => {
    await expect(withTestPorts({}, () => notify().call({ title: "x" }))).rejects.toMatchObject({
      code: "tool_failed",
      facts: { class: "permission" },
      message: expect.stringContaining("HOLDPOINT_NOTIFY"),
    });
  });

  test.each([[[]], [["ana@example.com"]], [["https://u:p@h/"]], [["mailto:ana"]], [["mailto:a@b.c,d@e.f"]]])(
    "is refused when it is to tell %j",
    (to) => expect(() => notify({ to })).toThrow(expect.objectContaining({ code: "invalid" })),
  );
});
