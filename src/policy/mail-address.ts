// What is taken for an address is less than RFC 5321 allows, on purpose: nothing that could end a header or a command, no
// quoting, no comments, no letters that look like others. A domain with such letters is written in its ASCII form.
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const LONGEST_LOCAL = 64;

/** Who a mail is from. */
export interface Mailbox {
  /** Shown beside the address; empty when there is none. */
  name: string;
  address: string;
}

/** Where mails are handed over. */
export interface MailServer {
  host: string;
  port: number;
  /** Encrypted from the first byte; otherwise by STARTTLS. */
  isEncrypted: boolean;
  /** False: a server that offers no STARTTLS is spoken to all the same. */
  needsTls: boolean;
  user: string | null;
  password: string | null;
}

/** True for text that can be an address in a command and in a header. */
export function isMailAddress(text: string): boolean {
  const at = text.lastIndexOf("@");
  return at > 0 && at <= LONGEST_LOCAL && LOCAL.test(text.slice(0, at)) && DOMAIN.test(text.slice(at + 1));
}

/** Reads "ana@example.com" or "Ana <ana@example.com>"; undefined when it is neither. */
export function parseMailbox(text: string): Mailbox | undefined {
  const [, name = "", address = text] = /^([^<>]*)<([^<>]+)>$/.exec(text.trim()) ?? [];
  const isName = name.length <= 100 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}"\\]/u.test(name);
  return isName && isMailAddress(address.trim()) ? { name: name.trim(), address: address.trim() } : undefined;
}

const LOOPBACK = /^(?:127(?:\.\d+){3}|localhost|\[::1\])$/;

/**
 * Reads smtp://host, smtp://user:password@host:587 or smtps://…; undefined when it is none of them. A password travels
 * encrypted only, unless the server is on this machine; `?tls=required` asks for that without a password too.
 */
export function parseMailServer(text: string): MailServer | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isEncrypted = url.protocol === "smtps:";
  const tls = url.searchParams.get("tls");
  const hasMore =
    url.pathname.length > 1 || url.hash !== "" || [...url.searchParams.keys()].some((key) => key !== "tls");
  if ((!isEncrypted && url.protocol !== "smtp:") || url.hostname === "" || hasMore) return undefined;
  if (tls !== null && tls !== "required") return undefined;
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (user === undefined || password === undefined || (user === "") !== (password === "")) return undefined;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (isEncrypted ? 465 : 587) : Number(url.port),
    isEncrypted,
    needsTls: tls !== null || (user !== "" && !LOOPBACK.test(url.hostname)),
    user: user === "" ? null : user,
    password: password === "" ? null : password,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
