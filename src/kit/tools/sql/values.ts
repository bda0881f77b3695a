import type { Json } from "../../../protocol/json.ts";
import { plainJson } from "../../plain-json.ts";

const TYPES: Readonly<Record<number, string>> = {
  16: "boolean",
  20: "bigint",
  21: "smallint",
  23: "integer",
  25: "text",
  114: "json",
  700: "real",
  701: "double precision",
  1042: "character",
  1043: "character varying",
  1082: "date",
  1083: "time",
  1114: "timestamp",
  1184: "timestamp with time zone",
  1186: "interval",
  1266: "time with time zone",
  1700: "numeric",
  2950: "uuid",
  3802: "jsonb",
};

/** What a type is called. Lists and what is rare come as text. */
export function typeName(oid: number): string {
  return TYPES[oid] ?? "other";
}

/** A value as JSON: exact numbers, dates and everything unknown stay the text that Postgres writes. */
export function jsonValue(text: string | null, oid: number): Json {
  if (text === null) return null;
  switch (typeName(oid)) {
    case "boolean":
      return text === "t";
    case "smallint":
    case "integer":
      return Number(text);
    case "real":
    case "double precision":
      return Number.isFinite(Number(text)) ? Number(text) : text;
    case "json":
    case "jsonb":
      return jsonOf(text);
    default:
      return text;
  }
}

// What no record can hold stays text: nested too deep, or a number such as 1e400 that is none here.
function jsonOf(text: string): Json {
  const plain = plainJson(JSON.parse(text) as Json);
  return plain === undefined || !isHeld(plain) ? text : plain;
}

function isHeld(value: Json): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every((inner) => isHeld(inner as Json));
}
