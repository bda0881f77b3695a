/** An address as a number: 32 bits of version 4, or 128 of version 6. */
export interface IpAddress {
  version: 4 | 6;
  bits: bigint;
}

/** A range of addresses. */
export interface IpRange extends IpAddress {
  prefix: number;
}

/** Reads an address; undefined when it is none. Version 4 inside version 6 comes out as version 4: it is where it leads. */
export function parseIp(text: string): IpAddress | undefined {
  const four = parseFour(text);
  if (four !== undefined) return { version: 4, bits: four };
  const six = parseSix(text);
  if (six === undefined) return undefined;
  const inside = embeddedFour(six);
  return inside === undefined ? { version: 6, bits: six } : { version: 4, bits: inside };
}

/** Reads `10.0.0.0/8` or a single address; undefined when it is neither. */
export function parseRange(text: string): IpRange | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const parsed = parseIp(address);
  if (parsed === undefined || rest.length > 0) return undefined;
  // A range that is written in version 6 and comes out as version 4 counts its length from there.
  const skipped = parsed.version === 4 && address.includes(":") ? 96 : 0;
  const longest = parsed.version === 4 ? 32 : 128;
  if (length === undefined) return { ...parsed, prefix: longest };
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) - skipped : -1;
  return prefix >= 0 && prefix <= longest ? { ...parsed, prefix } : undefined;
}

/** True when the address is in the range. */
export function isWithin(address: IpAddress, range: IpRange): boolean {
  if (address.version !== range.version) return false;
  const shift = BigInt((address.version === 4 ? 32 : 128) - range.prefix);
  return address.bits >> shift === range.bits >> shift;
}

function parseFour(text: string): bigint | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  return parts.every((part) => part <= 255) ? parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n) : undefined;
}

function parseSix(text: string): bigint | undefined {
  const [address = ""] = text.replace(/^\[|\]$/g, "").split("%");
  const tail = /(?<=:)\d[\d.]*\.\d+$/.exec(address)?.[0];
  const four = tail === undefined ? undefined : parseFour(tail);
  if (tail !== undefined && four === undefined) return undefined;
  const groups =
    four === undefined
      ? address
      : `${address.slice(0, -(tail as string).length)}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`;
  const halves = groups.split("::");
  if (halves.length > 2) return undefined;
  const [before = [], after = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - before.length - after.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** Mapped (::ffff:0:0/96), translated (64:ff9b::/96) and 6to4 (2002::/16) addresses lead to one of version 4. */
function embeddedFour(bits: bigint): bigint | undefined {
  if (bits >> 32n === 0xffffn || bits >> 32n === 0x64ff9bn << 64n) return bits & 0xffffffffn;
  if (bits >> 112n === 0x2002n) return (bits >> 80n) & 0xffffffffn;
  return undefined;
}
