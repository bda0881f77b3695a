import { type IpRange, isWithin, parseIp, parseRange } from "./ip-address.ts";

/** Hosts and ranges that are reached although they are private, because whoever runs this server says so. */
export interface AllowList {
  hosts: ReadonlySet<string>;
  ranges: readonly IpRange[];
}

/** Nothing private is reached. */
export const ALLOW_NONE: AllowList = { hosts: new Set(), ranges: [] };

// Everything that is not an address of somebody on the internet: RFC 6890 and its successors.
const PRIVATE_FOUR = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  // Not private by its number: Azure's metadata and DNS address, the same in every network.
  "168.63.129.16",
].map(rangeOf);
// Version 6 the other way round: 2000::/3 is what has been given out at all.
const GLOBAL_SIX = rangeOf("2000::/3");
const PRIVATE_SIX = ["2001::/23", "2001:db8::/32", "3fff::/20"].map(rangeOf);
// Names that mean this machine or this network wherever they are asked.
const PRIVATE_NAME = /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/;

function rangeOf(text: string): IpRange {
  return parseRange(text) as IpRange;
}

/** Reads a list of hosts, addresses and ranges; the first entry that is none of these comes back as `wrong`. */
export function parseAllowList(entries: readonly string[]): AllowList | { wrong: string } {
  const hosts = new Set<string>();
  const ranges: IpRange[] = [];
  for (const entry of entries) {
    const range = parseRange(entry.replace(/^\[(.*)\]$/, "$1"));
    if (range !== undefined) ranges.push(range);
    else if (
      /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/i.test(entry) &&
      !/^[\d.]+$/.test(entry)
    )
      hosts.add(entry.toLowerCase());
    else return { wrong: entry };
  }
  return { hosts, ranges };
}

/** True when requests to this host are not looked at any further. */
export function isAllowedHost(hostname: string, allow: AllowList): boolean {
  return allow.hosts.has(bareHost(hostname));
}

/** True when a request may go to this address; what is no address at all may not. */
export function isReachable(address: string, allow: AllowList): boolean {
  const ip = parseIp(address);
  if (ip === undefined) return false;
  if (allow.ranges.some((range) => isWithin(ip, range))) return true;
  if (ip.version === 4) return !PRIVATE_FOUR.some((range) => isWithin(ip, range));
  return isWithin(ip, GLOBAL_SIX) && !PRIVATE_SIX.some((range) => isWithin(ip, range));
}

/** True when a URL's host is known to be private without asking anybody. A name that is none of these is asked for when it is used. */
export function isKnownPrivate(hostname: string, allow: AllowList): boolean {
  const host = bareHost(hostname);
  if (isAllowedHost(host, allow)) return false;
  return parseIp(host) === undefined ? PRIVATE_NAME.test(host) : !isReachable(host, allow);
}

function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}
