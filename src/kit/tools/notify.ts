import { z } from "zod";
import { notificationSchema, notificationTarget } from "../../policy/notification.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { currentNotifications } from "../notifications.ts";
import { plainText } from "../plain-json.ts";
import { defineTool, type Tool, type ToolOptions } from "../tool/tool.ts";

const notifyOutput = z.object({
  /** What is on its way; `holdpoint deliveries` shows what came of it. */
  deliveries: z.array(z.object({ delivery_id: z.string(), channel: z.enum(["webhook", "mail"]), to: z.string() })),
});

type NotifyTerms<Name extends string> = Omit<
  ToolOptions<Name, typeof notificationSchema, typeof notifyOutput>,
  "name" | "description" | "input" | "output" | "effect" | "run"
>;

/** Who is told, and how carefully. */
export interface NotifyOptions<Name extends string> extends NotifyTerms<Name> {
  /** `notify` unless given. */
  name?: Name;
  description?: string;
  /** Webhooks, and `mailto:` and an address; those of HOLDPOINT_NOTIFY unless given. A model never chooses them. */
  to?: readonly string[];
}

/**
 * A tool that tells people something, by signed webhooks and by mail. What is told is kept with the run and delivered with
 * retries, each delivery under one id: the call is over before anybody has been told.
 */
export function notify<const Name extends string = "notify">(
  options: NotifyOptions<Name> = {},
): Tool<Name, typeof notificationSchema, typeof notifyOutput> {
  const { name = "notify" as Name, description, to, ...terms } = options;
  const wrong = to?.find((target) => notificationTarget(target) === undefined);
  if (wrong !== undefined || to?.length === 0) {
    const seen = wrong === undefined ? "nobody" : JSON.stringify(wrong);
    throw new HoldpointError("invalid", `the tool "${name}" tells ${seen}; give https://… or mailto:ana@example.com`);
  }
  return defineTool({
    ...terms,
    name,
    description: description ?? "Tells the people in charge something.",
    input: notificationSchema,
    output: notifyOutput,
    effect: "idempotent",
    async run({ title, text, severity }, { effect_id }) {
      const port = currentNotifications();
      const targets = to ?? port.to;
      if (targets.length === 0) {
        throw new HoldpointError("tool_failed", "nobody is named: set HOLDPOINT_NOTIFY, or give the tool `to`", {
          facts: { class: "permission" },
        });
      }
      const told = { title: plainText(title), text: plainText(text), severity };
      return { deliveries: [...(await port.send(effect_id, told, targets))] };
    },
  });
}
