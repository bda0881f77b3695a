import type { ReviewAction } from "../protocol/interrupt.ts";
import type { Json } from "../protocol/json.ts";
import { CommandError } from "./command-error.ts";
import { changesBetween } from "./difference.ts";
import type { Editor } from "./editor.ts";
import { EXIT } from "./exit-codes.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";

/**
 * Has the arguments edited as JSON until `check` takes them; it throws a CommandError that says what is wrong. Whoever
 * leaves them as they were wants nothing changed, and whoever leaves a fault as it is gives up.
 */
export async function editByHand(
  action: ReviewAction,
  edit: Editor,
  check: (args: Json) => Promise<void>,
): Promise<Json> {
  let body = safeJson(action.args, 2);
  let fault: CommandError | undefined;
  // Bound: each turn wants a change by the person.
  for (;;) {
    const left = withoutNotes(await edit(`${notes(action, fault)}\n${body}\n`));
    if (fault !== undefined && left.trim() === body.trim())
      throw new CommandError(fault.exitCode, `${fault.message}\nit was left so: nothing was sent`);
    body = left.trim();
    try {
      const args = parsed(body);
      if (changesBetween(action.args, args).length === 0)
        throw new CommandError(EXIT.failed, "nothing was changed: nothing was sent");
      await check(args);
      return args;
    } catch (error) {
      if (!(error instanceof CommandError) || error.exitCode !== EXIT.invalid) throw error;
      fault = error;
    }
  }
}

function notes({ name, editable_paths }: ReviewAction, fault: CommandError | undefined): string {
  const only =
    editable_paths === undefined ? [] : [`Only these may be changed: ${editable_paths.join(", ") || "none"}`];
  const wrong = fault === undefined ? [] : ["", ...fault.message.split("\n")];
  const lines = [
    `The arguments of ${name}. Change them, save and close; what is left unchanged sends nothing.`,
    ...only,
    "Lines that begin with // are left out.",
    ...wrong,
  ];
  return lines.map((line) => `// ${sanitiseLine(line)}`.trimEnd()).join("\n");
}

/** No line of JSON can begin so. */
function withoutNotes(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*\/\//.test(line))
    .join("\n");
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const reason = cause instanceof Error ? sanitiseLine(cause.message) : "it cannot be read";
    throw new CommandError(EXIT.invalid, `this is not JSON: ${text === "" ? "it is empty" : reason}`, { cause });
  }
}
