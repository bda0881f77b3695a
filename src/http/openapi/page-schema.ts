import type { JsonSchema } from "../../protocol/assistant.ts";
import { type Html, html } from "../html.ts";

/** A schema in words: what it takes, with its members where it has some. */
export function describeSchema(schema: JsonSchema): Html {
  const { description } = schema;
  const words = inWords(schema);
  return typeof description === "string" ? html`${words} <span>${description}</span>` : words;
}

function inWords(schema: JsonSchema): Html {
  const { $ref, anyOf, oneOf, type, items, properties } = schema as {
    $ref?: string;
    anyOf?: JsonSchema[];
    oneOf?: JsonSchema[];
    type?: string | string[];
    items?: JsonSchema | false;
    properties?: Record<string, JsonSchema>;
  };
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1) ?? "";
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return joined(choices.map(describeSchema));
  if (properties !== undefined) return members(properties, (schema["required"] ?? []) as readonly string[]);
  if (type === "array")
    return html`list of ${items === undefined || items === false ? "anything" : describeSchema(items)}`;
  if (schema["not"] !== undefined) return html`nothing`;
  return html`${[type ?? constant(schema) ?? "anything"].flat().join(" or ")}${limits(schema)}`;
}

function joined(choices: readonly Html[]): Html {
  return html`${choices.map((choice, at) => (at === 0 ? choice : html` or ${choice}`))}`;
}

function constant({ enum: words, const: only }: JsonSchema): string | undefined {
  return words === undefined && only === undefined ? undefined : "one of";
}

function limits(schema: JsonSchema): Html {
  const { enum: words, const: only, minimum, maximum, maxLength, format, default: usual } = schema;
  const said = [
    ...(Array.isArray(words) ? [words.map((word) => JSON.stringify(word)).join(" ")] : []),
    ...(only === undefined ? [] : [JSON.stringify(only)]),
    ...(format === undefined ? [] : [String(format)]),
    ...(minimum === undefined ? [] : [`from ${minimum}`]),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? [] : [`to ${maximum}`]),
    ...(maxLength === undefined ? [] : [`up to ${maxLength} characters`]),
    ...(usual === undefined ? [] : [`${JSON.stringify(usual)} unless given`]),
  ];
  return said.length === 0 ? html`` : html` (${said.join(", ")})`;
}

function members(properties: Record<string, JsonSchema>, required: readonly string[]): Html {
  const rows = Object.entries(properties).map(
    ([name, schema]) =>
      html`<tr><th scope="row"><code>${name}</code>${required.includes(name) ? " *" : ""}</th><td>${describeSchema(schema)}</td></tr>`,
  );
  return rows.length === 0 ? html`object` : html`<table><tbody>${rows}</tbody></table>`;
}
