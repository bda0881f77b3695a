import { z } from "zod";

/** Labels and annotations: names and texts that others have written. They are data, whatever they say. */
const words = z.record(z.string().max(500), z.string().max(50_000));

const alertSchema = z.object({
  status: z.enum(["firing", "resolved"]),
  labels: words,
  annotations: words.default({}),
  startsAt: z.string().max(100),
  /** The year 1 for as long as the alert fires. */
  endsAt: z.string().max(100).default(""),
  generatorURL: z.string().max(10_000).default(""),
  fingerprint: z.string().max(100).default(""),
});

/** What Alertmanager posts to a webhook, version 4 of its payload, as it is. */
export const AlertmanagerPayload = z.object({
  version: z.literal("4"),
  status: z.enum(["firing", "resolved"]).meta({ description: "Resolved when none of the alerts fires any more." }),
  receiver: z.string().max(500),
  groupKey: z.string().min(1).max(10_000).meta({ description: "Which alerts belong together." }),
  groupLabels: words,
  commonLabels: words,
  commonAnnotations: words.default({}),
  externalURL: z.string().max(10_000).default(""),
  truncatedAlerts: z.int().min(0).default(0).meta({ description: "How many alerts were left out." }),
  alerts: z.array(alertSchema).min(1).max(2_000),
});

/** One alert. */
export type Alert = z.output<typeof alertSchema>;
/** A group of alerts. */
export type AlertGroup = z.output<typeof AlertmanagerPayload>;
/** The same as it is posted: what may be missing is missing. */
export type PostedAlerts = z.input<typeof AlertmanagerPayload>;
