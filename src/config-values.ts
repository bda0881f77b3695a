import { isIP } from "node:net";
import { z } from "zod";
import { parseBudget, parseBudgets } from "./policy/budget.ts";
import { type Mailbox, type MailServer, parseMailbox, parseMailServer } from "./policy/mail-address.ts";
import { notificationTarget } from "./policy/notification.ts";
import { type AllowList, parseAllowList } from "./policy/private-address.ts";
import { webhookKey } from "./policy/webhook-signature.ts";
import { maskUrl } from "./postgres/unreachable.ts";

/** The kinds of value a variable may have. Each turns text into a value, and says in words what it allows. */
export interface ValueKind<Value> {
  schema: z.ZodType<Value, string>;
  allowed: string;
  /** How a wrong value is shown. */
  show: (text: string) => string;
}

/** A variable of the environment. */
export interface Field<Value, Fallback> extends ValueKind<Value> {
  name: string;
  fallback: Fallback;
  /** What the table says where the fallback itself does not. */
  fallbackText: string;
  description: string;
}

/** Describes a variable. */
export function field<Value, Fallback extends Value | undefined>(
  name: string,
  kind: ValueKind<Value>,
  fallback: Fallback,
  description: string,
  fallbackText = fallback === undefined ? "" : String(fallback),
): Field<Value, Fallback> {
  return { ...kind, name, fallback, description, fallbackText };
}

const quote = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

function kind<Value>(allowed: string, parse: (text: string) => Value | undefined, show = quote): ValueKind<Value> {
  const schema = z.string().transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: allowed });
    return z.NEVER;
  });
  return { schema, allowed, show };
}

/** A whole number between two bounds, without signs, exponents or units. */
export const wholeNumber = (from: number, to: number) =>
  kind(`a whole number from ${from} to ${to}`, (text) => within(/^\d{1,15}$/.test(text), Number(text), from, to));

/** A decimal number between two bounds. */
export const decimal = (from: number, to: number) =>
  kind(`a number from ${from} to ${to}`, (text) => within(/^\d{1,9}(\.\d{1,9})?$/.test(text), Number(text), from, to));

/** Yes or no, in the words people use for it. */
export const yesOrNo = () =>
  kind("true or false (also 1 or 0)", (text) =>
    ["true", "1"].includes(text) ? true : ["false", "0"].includes(text) ? false : undefined,
  );

/** One of a few words. */
export const oneOf = <Word extends string>(...words: Word[]) =>
  kind(`one of ${words.join(", ")}`, (text) => words.find((word) => word === text));

/** Any text that is not empty and has no control characters. */
export const words = () => kind("text in one line", (text) => (isOneLine(text) ? text : undefined));

/** Text that no message ever shows. */
export const secret = () =>
  kind("text without spaces", (text) => (/^[\x21-\x7e]+$/.test(text) ? text : undefined), hidden);

/** Secrets of webhooks, which no message ever shows. */
export const webhookSecrets = () =>
  kind(
    "one or more of whsec_ and base64 of 24 to 64 bytes, separated by commas",
    (text) => {
      const secrets = listed(text);
      return secrets.every((entry) => webhookKey(entry) !== undefined) ? secrets : undefined;
    },
    hidden,
  );

/** Hosts, addresses and networks. */
export const hostList = () =>
  kind("host names, addresses and networks such as 10.0.0.0/8, separated by commas", (text): AllowList | undefined => {
    const list = parseAllowList(listed(text));
    return "wrong" in list ? undefined : list;
  });

/** Who searches the web. */
export type SearchChoice = { provider: "brave" | "tavily" } | { provider: "searxng"; url: string };

/** One of the services, or `searxng:` and where it is. */
export const searchProvider = () =>
  kind(
    "brave, tavily, or a SearXNG like searxng:http://localhost:8080",
    (text): SearchChoice | undefined => {
      if (text === "brave" || text === "tavily") return { provider: text };
      const url = URL.parse(/^searxng:(.+)$/.exec(text)?.[1] ?? "");
      const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
      return isPlain ? { provider: "searxng", url: url.href } : undefined;
    },
    (text) => (text.includes("@") ? hidden() : quote(text)),
  );

/** Text of a given form. */
export const pattern = (form: RegExp, allowed: string) => kind(allowed, (text) => (form.test(text) ? text : undefined));

const PRICE = /^([\w.:/-]{1,100})=(\d{1,6}(?:\.\d{1,6})?)\/(\d{1,6}(?:\.\d{1,6})?)(?:\/(\d{1,6}(?:\.\d{1,6})?))?$/;

/** What models cost, all in one currency for a million tokens. */
export const modelPrices = () =>
  kind("name=input/output or name=input/output/cached, separated by commas", (text) => {
    const prices = new Map<string, { input: number; output: number; cached: number }>();
    for (const entry of text.split(",")) {
      const [, name, input, output, cached] = PRICE.exec(entry.trim()) ?? [];
      if (name === undefined || prices.has(name)) return undefined;
      prices.set(name, { input: Number(input), output: Number(output), cached: Number(cached ?? input) });
    }
    return prices;
  });

/** A whole number from 1 for each of some names; `*` stands for every other name. */
export const limits = () =>
  kind("pairs like refund-approval=2,*=50", (text) => {
    const pairs = text.split(",").map((pair) => /^\s*([^\s=,]+)\s*=\s*([1-9]\d{0,5})\s*$/.exec(pair));
    const found = new Map(pairs.map((pair) => [pair?.[1] ?? "", Number(pair?.[2])]));
    return pairs.includes(null) || found.size < pairs.length ? undefined : (found as ReadonlyMap<string, number>);
  });

/** A whole number from 1 for each of some models; `*` stands for every other model, where one may. */
export const modelAmounts = ({ star }: { star: boolean }) =>
  kind(`pairs like gpt-4.1=${star ? "20000,*=200000" : "1047576"}`, (text) => {
    const pairs = text.split(",").map((pair) => /^\s*([^\s=,]+)\s*=\s*([1-9]\d{0,8})\s*$/.exec(pair));
    const found = new Map(pairs.map((pair) => [pair?.[1] ?? "", Number(pair?.[2])]));
    const isWrong = pairs.includes(null) || found.size < pairs.length || (!star && found.has("*"));
    return isWrong ? undefined : (found as ReadonlyMap<string, number>);
  });

const MOST_FALLBACKS = 10;

/** Names of models, each once. */
export const modelNames = () =>
  kind("names of models, separated by commas", (text) => {
    const names = listed(text);
    const isRight = names.every((name) => /^[^\s,=]{1,200}$/.test(name)) && new Set(names).size === names.length;
    return isRight && names.length <= MOST_FALLBACKS ? names : undefined;
  });

/** What may be spent. */
export const budget = () => kind("amounts like cost:50,tokens:2000000", (text) => parseBudget(text));

/** The same for each of some names; `*` stands for every other name. */
export const budgets = () =>
  kind("pairs like refund-approval=cost:5;*=cost:20,tokens:100000, separated by semicolons", (text) =>
    parseBudgets(text),
  );

/** A model of an OpenAI-compatible endpoint, or a file of the project with its export. */
export const embeddingModel = () =>
  kind("openai:model or ./file.ts:export", (text) => (isOneLine(text) && /^[^:]+:./.test(text) ? text : undefined));

/** Paths into a value. */
export const paths = () =>
  kind("paths such as $ or chapters[*].text, separated by commas", (text) => {
    const found = listed(text);
    const isGood = (path: string) => isOneLine(path) && path.length <= 500;
    return found.length <= 100 && found.every(isGood) ? found : undefined;
  });

/** A path on this machine. */
export const folder = () => kind("a path", (text) => (isOneLine(text) ? text : undefined));

/** An address to listen on. */
export const address = () =>
  kind("an IP address or a host name", (text) =>
    isIP(text) !== 0 || /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text)
      ? text
      : undefined,
  );

/** The address of a web server; without its last slash, so that paths can be put behind it. */
export const webAddress = () =>
  kind(
    "a URL like http://localhost:8123",
    (text) => (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text.replace(/\/+$/, "") : undefined),
    (text) => (text.includes("@") ? hidden() : quote(text)),
  );

/** Addresses of web servers with their paths. */
export const webAddresses = () =>
  kind(
    "http or https URLs without passwords, separated by commas",
    (text) => {
      const urls = listed(text).map((entry) => (URL.canParse(entry) ? new URL(entry) : undefined));
      const isGood = (url: URL | undefined) =>
        url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
      return urls.every(isGood) ? [...new Set(urls.map((url) => (url as URL).href))] : undefined;
    },
    (text) => (text.includes("@") ? hidden() : quote(text)),
  );

/** Who is told: webhooks and mail addresses. */
export const notificationTargets = () =>
  kind(
    "webhooks and mailto:ana@example.com, separated by commas",
    (text) => {
      const targets = listed(text).map(notificationTarget);
      return targets.includes(undefined) ? undefined : [...new Set(targets.map((target) => target?.url ?? ""))];
    },
    (text) => (text.includes("@") ? hidden() : quote(text)),
  );

/** Origins of web pages, as browsers write them; `*` alone stands for all. */
export const origins = () =>
  kind(
    "origins like https://app.example.com, separated by commas, or * alone",
    (text) => {
      if (text === "*") return "*" as const;
      const found = listed(text).map((entry) => (URL.canParse(entry) ? new URL(entry) : undefined));
      // Whole origins only: a star in a name would look as if it meant something.
      const isGood = (url: URL | undefined): url is URL =>
        url !== undefined &&
        /^https?:$/.test(url.protocol) &&
        url.href === `${url.origin}/` &&
        !url.hostname.includes("*");
      return found.every(isGood) ? (new Set(found.map(({ origin }) => origin)) as ReadonlySet<string>) : undefined;
    },
    (text) => (text.includes("@") ? hidden() : quote(text)),
  );

/** The server that mails are handed over to; its password is never shown. */
export const mailServer = () =>
  kind(
    "a URL like smtp://user:password@host:587 or smtps://host",
    (text): MailServer | undefined => parseMailServer(text),
    (text) => (text.includes("@") ? hidden() : quote(text)),
  );

/** Who mails are from. */
export const mailbox = () =>
  kind("an address like ana@example.com or Ana <ana@example.com>", (text): Mailbox | undefined => parseMailbox(text));

/** The address of a PostgreSQL database, with its database name. */
export const postgresAddress = () =>
  kind(
    "a URL like postgresql://user:password@host:5432/database",
    (text) => {
      if (!URL.canParse(text)) return undefined;
      const { protocol, pathname } = new URL(text);
      return /^postgres(ql)?:$/.test(protocol) && pathname.length > 1 ? text : undefined;
    },
    (text) => (URL.canParse(text) ? quote(maskUrl(text)) : hidden()),
  );

function hidden(): string {
  return "(not shown)";
}

function listed(text: string): string[] {
  return text.split(",").map((entry) => entry.trim());
}

function isOneLine(text: string): boolean {
  return text !== "" && !/[\u0000-\u001f\u007f]/.test(text);
}

function within(isNumber: boolean, value: number, from: number, to: number): number | undefined {
  return isNumber && value >= from && value <= to ? value : undefined;
}
