import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { isMailAddress, type Mailbox, type MailServer } from "../policy/mail-address.ts";
import type { MailText } from "../policy/review/notice-mail.ts";
import type { MailAnswer } from "../protocol/delivery.ts";

/** How mails are sent. */
export interface MailSettings {
  server: MailServer;
  /** The certificates (PEM) by which it is believed; null: those that Node.js knows. */
  authorities?: readonly string[] | null;
  from: Mailbox;
  timeoutMs: number;
}

/** One mail to one person. */
export interface MailRequest extends MailSettings {
  to: string;
  mail: MailText;
  /** Makes a mail that is sent again the same mail, to whoever keeps both. */
  delivery_id: string;
  created_at: string;
  /** What it is about: mails about the same stand together. */
  topic: string;
  signal: AbortSignal;
}

// They say that we did something wrong, or have to be let in first: to another mail, or later, the answer may be another.
const OURS = new Set([503, 530, 534, 535, 538]);
const REPLY_LENGTH = 500;

/** Hands it over, and never throws: whatever comes of it is an answer. */
export async function sendMail(wanted: MailRequest): Promise<MailAnswer> {
  const startedAt = performance.now();
  const answer = await handOver(wanted).catch(failed);
  return { ...answer, duration_ms: Math.round(performance.now() - startedAt) };
}

async function handOver(wanted: MailRequest): Promise<Omit<MailAnswer, "duration_ms">> {
  if (!isMailAddress(wanted.to)) throw new NoAddress(`${JSON.stringify(wanted.to).slice(0, 200)} is no mail address`);
  const [message, { default: Connection }] = await Promise.all([
    composed(wanted),
    import("nodemailer/lib/smtp-connection"),
  ]);
  const { server, authorities, timeoutMs, signal } = wanted;
  const connection = new Connection({
    host: server.host,
    port: server.port,
    secure: server.isEncrypted,
    requireTLS: server.needsTls,
    ...(authorities == null ? {} : { tls: { ca: [...authorities] } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: 0,
  });
  const { promise: ended, reject: end } = Promise.withResolvers<never>();
  const stop = () => end(new Error("the server was stopped before the answer came"));
  const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  connection.on("error", end);
  connection.on("end", () => end(new Error("the connection was closed without an answer")));
  try {
    if (signal.aborted) stop();
    const response = await Promise.race([ended, conversation(connection, wanted, message)]);
    return { status: Number(response.slice(0, 3)) || 250, body: shown(response), error: null, isRefused: false };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    connection.close();
  }
}

/** Connects, signs in where there is a user, and sends; gives what the server said to the whole message. */
async function conversation(connection: SMTPConnection, wanted: MailRequest, message: Buffer): Promise<string> {
  const { user, password } = wanted.server;
  await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));
  if (user !== null && password !== null) {
    const credentials = { credentials: { user, pass: password } };
    await new Promise<void>((resolve, reject) =>
      connection.login(credentials, (error) => (error ? reject(error) : resolve())),
    );
  }
  const envelope = { from: wanted.from.address, to: [wanted.to] };
  return await new Promise((resolve, reject) =>
    connection.send(envelope, message, (error, info) =>
      error || info === undefined ? reject(error) : resolve(info.response),
    ),
  );
}

/** The mail in bytes; the same bytes each time it is sent. */
async function composed({ from, to, mail, delivery_id, created_at, topic }: MailRequest): Promise<Buffer> {
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const unsubscribe = `mailto:${from.address}?subject=${encodeURIComponent(`unsubscribe ${to}`)}`;
  const composer = new MailComposer({
    from: { name: from.name, address: from.address },
    to: { name: "", address: to },
    subject: mail.subject,
    text: mail.text,
    messageId: `<${delivery_id}@${domain}>`,
    references: `<${topic}@${domain}>`,
    date: new Date(created_at),
    headers: { "Auto-Submitted": "auto-generated", "List-Unsubscribe": { prepared: true, value: `<${unsubscribe}>` } },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return await new Promise((resolve, reject) =>
    composer.compile().build((error, bytes) => (error || bytes === undefined ? reject(error) : resolve(bytes))),
  );
}

/** A target that cannot be written to. */
class NoAddress extends Error {
  override readonly name = "NoAddress";
}

interface MailError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
  command?: string;
}

/** Only what the server says of this recipient or of this message is its last word; all else may be different next time. */
function failed(error: MailError): Omit<MailAnswer, "duration_ms"> {
  const { responseCode: status = null, response, command = "", message } = error;
  const isPermanent = status !== null && status >= 500 && status <= 599 && !OURS.has(status);
  const isRefused = error instanceof NoAddress || (isPermanent && (command === "RCPT TO" || command === "DATA"));
  const said = response === undefined ? null : shown(response);
  return { status, body: said, error: status === null ? shown(message || "the mail failed") : null, isRefused };
}

function shown(text: string): string {
  return text.replaceAll("\0", "\ufffd").slice(0, REPLY_LENGTH).toWellFormed();
}
