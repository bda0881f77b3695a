import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { MailServer } from "../../src/policy/mail-address.ts";
import type { SelfMade } from "./certificate.ts";

/** Where a conversation with a mail server stands when something goes wrong; BODY: in the middle of the message. */
export type Moment = "CONNECT" | "EHLO" | "STARTTLS" | "AUTH" | "MAIL" | "RCPT" | "DATA" | "BODY" | "END";

/** What the server does then: answers with this line, says nothing any more, or is gone. */
export type Conduct = { readonly [When in Moment]?: string | "hang" | "cut" };

/** One mail that has arrived. */
export interface ReceivedMail {
  from: string;
  to: string;
  /** The whole message, as it came. */
  raw: string;
  /** By name in lower case, unfolded. */
  headers: Readonly<Record<string, string>>;
  text: string;
  /** Whether it came encrypted, and who had signed in. */
  isEncrypted: boolean;
  user: string | null;
}

/** A mail server that keeps what it gets. */
export interface MailReceiver {
  /** How to reach it. */
  server: MailServer;
  /** What has arrived, also where the sender was never told. */
  mails: ReceivedMail[];
  /** How often somebody has connected, and how often it has said nothing any more. */
  connections(): number;
  silences(): number;
  /** What the server offers, and how it behaves from now on. */
  behave(conduct: Conduct, offers?: readonly string[]): void;
  close(): Promise<void>;
}

const USUAL: Record<Exclude<Moment, "BODY">, string> = {
  CONNECT: "220 mail.test ESMTP",
  EHLO: "250 mail.test",
  STARTTLS: "502 not implemented",
  AUTH: "235 welcome",
  MAIL: "250 sender ok",
  RCPT: "250 recipient ok",
  DATA: "354 go on",
  END: "250 queued as 1",
};

/** Starts one on the loopback address; with a certificate it can be asked to encrypt, or does from the first byte. */
export async function openMailReceiver(
  secret?: SelfMade,
  { isEncrypted = false }: { isEncrypted?: boolean } = {},
): Promise<MailReceiver> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  let conduct: Conduct = {};
  let offers: readonly string[] = [];
  let connections = 0;
  let silences = 0;
  const fallSilent = () => {
    silences += 1;
  };
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const manners = { conduct, offers, mails, fallSilent, secret };
    if (isEncrypted && secret !== undefined) converse(encrypted(socket, secret), manners).greet();
    else converse(socket, manners).greet();
  });
  await listening(server);
  const { port } = server.address() as AddressInfo;
  return {
    server: { host: "127.0.0.1", port, isEncrypted, needsTls: false, user: null, password: null },
    mails,
    connections: () => connections,
    silences: () => silences,
    behave(next, offered = []) {
      conduct = next;
      offers = offered;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function listening(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

interface Manners {
  conduct: Conduct;
  offers: readonly string[];
  mails: ReceivedMail[];
  fallSilent: () => void;
  secret: SelfMade | undefined;
}

function encrypted(socket: Socket, secret: SelfMade): TLSSocket {
  const inner = new TLSSocket(socket, { isServer: true, ...secret });
  inner.on("error", () => {});
  return inner;
}

function converse(socket: Socket, manners: Manners): { greet: () => void } {
  const { conduct, offers, mails, fallSilent, secret } = manners;
  let user: string | null = null;
  let pending = "";
  let body: string | undefined;
  let [from, to] = ["", ""];
  const act = (when: Exclude<Moment, "BODY">): void => {
    const deed = conduct[when] ?? USUAL[when];
    if (deed === "hang") {
      fallSilent();
      return;
    }
    if (deed === "cut") return void socket.destroy();
    const more = when === "EHLO" && deed.startsWith("250") ? offers : [];
    const lines = [deed, ...more.map((offer) => `250 ${offer}`)];
    socket.write(
      lines.map((line, at) => `${at < lines.length - 1 ? line.replace(/^(\d{3}) /, "$1-") : line}\r\n`).join(""),
    );
    if (when === "DATA" && deed.startsWith("354")) body = "";
  };
  const arrived = () => {
    const isKept = conduct.END === undefined || conduct.END === "cut" || conduct.END === "hang";
    if (isKept) mails.push({ from, to, ...parsed(body ?? ""), isEncrypted: socket instanceof TLSSocket, user });
    body = undefined;
    act("END");
  };
  const command = (line: string): void => {
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? "";
    if (verb === "MAIL") from = /<([^>]*)>/.exec(line)?.[1] ?? "";
    if (verb === "RCPT") to = /<([^>]*)>/.exec(line)?.[1] ?? "";
    if (verb === "AUTH")
      user =
        Buffer.from(line.split(" ")[2] ?? "", "base64")
          .toString()
          .split("\0")[1] ?? null;
    if (verb === "STARTTLS" && secret !== undefined && conduct.STARTTLS === undefined) {
      socket.off("data", hear);
      socket.write("220 go ahead\r\n");
      converse(encrypted(socket, secret), manners);
    } else if (verb === "HELO" || verb === "EHLO") act("EHLO");
    else if (verb === "QUIT") socket.end("221 bye\r\n");
    else if (verb in USUAL) act(verb as Exclude<Moment, "BODY">);
    else socket.write("500 what?\r\n");
  };
  const hear = (chunk: Buffer) => {
    pending += chunk.toString("latin1");
    if (body !== undefined && conduct.BODY === "hang") return fallSilent();
    if (body !== undefined && conduct.BODY === "cut") return void socket.destroy();
    for (let end = pending.indexOf("\r\n"); end >= 0; end = pending.indexOf("\r\n")) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 2);
      if (body === undefined) command(line);
      else if (line === ".") arrived();
      else body += `${line.replace(/^\./, "")}\r\n`;
    }
  };
  socket.on("data", hear);
  return { greet: () => act("CONNECT") };
}

function parsed(raw: string): Pick<ReceivedMail, "raw" | "headers" | "text"> {
  const split = raw.indexOf("\r\n\r\n");
  const lines = raw
    .slice(0, split)
    .replaceAll(/\r\n[ \t]/g, " ")
    .split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(":")).toLowerCase(),
      words(line.slice(line.indexOf(":") + 1).trim()),
    ]),
  );
  const body = raw.slice(split + 4);
  const encoding = headers["content-transfer-encoding"];
  const bytes =
    encoding === "base64"
      ? Buffer.from(body, "base64")
      : Buffer.from(encoding === "quoted-printable" ? unquoted(body.replaceAll(/=\r\n/g, "")) : body, "latin1");
  return { raw, headers, text: bytes.toString("utf8").replaceAll("\r\n", "\n") };
}

const unquoted = (text: string) =>
  text.replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Words of a header that are written for mail programs, as people see them. */
function words(text: string): string {
  const joined = text.replaceAll(/\?=\s+=\?/g, "?==?");
  return joined.replaceAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_all, how: string, word: string) => {
    const bytes =
      how.toLowerCase() === "b"
        ? Buffer.from(word, "base64")
        : Buffer.from(unquoted(word.replaceAll("_", " ")), "latin1");
    return bytes.toString("utf8");
  });
}
