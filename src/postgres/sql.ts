import { createHash } from "node:crypto";

/** A statement ready to be sent: its text never depends on its values, so it is prepared once per connection. */
export interface Statement<Row = unknown> {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
  /** Carries the row type only; never set. */
  readonly row?: Row;
}

/** A constant piece of SQL text, such as a list of columns. */
class Fragment {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A constant list of columns to be used inside `sql`. Columns are always named: a prepared `select *` fails on every
 * open connection as soon as a newer version of the program adds a column.
 */
export const columns = (strings: TemplateStringsArray): Fragment => new Fragment(strings.join(""));

const prepared = new WeakMap<TemplateStringsArray, { name: string; text: string }>();

/**
 * Turns a template into a parameterised statement: each `${value}` becomes `$1`, `$2`, …
 * The name is a hash of the text, which lets every connection prepare it once.
 */
export function sql<Row = unknown>(strings: TemplateStringsArray, ...values: unknown[]): Statement<Row> {
  let entry = prepared.get(strings);
  if (entry === undefined) {
    const text = textOf(strings, values);
    entry = { name: `hp_${createHash("sha256").update(text).digest("hex").slice(0, 24)}`, text };
    prepared.set(strings, entry);
  }
  return { name: entry.name, text: entry.text, values: values.filter((value) => !(value instanceof Fragment)) };
}

function textOf(strings: TemplateStringsArray, values: readonly unknown[]): string {
  let text = strings[0] as string;
  let parameters = 0;
  for (const [index, value] of values.entries()) {
    if (value instanceof Fragment) text += value.text;
    else {
      parameters += 1;
      text += `$${parameters}`;
    }
    text += strings[index + 1];
  }
  return text.trim();
}
