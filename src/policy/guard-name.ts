import { createHash } from "node:crypto";

const LONGEST = 200;
const KEPT = 120;

/** A name under which something is kept for all processes: as it is, or short and still one of its own. */
export function guardName(name: string): string {
  if (name.length <= LONGEST && /^[\x20-\x7e]+$/.test(name)) return name;
  const readable = name.replace(/[^\x20-\x7e]/g, "?").slice(0, KEPT);
  return `${readable}#${createHash("sha256").update(name, "utf8").digest("hex")}`;
}
