import { z } from "zod";
import type { Alert, AlertGroup } from "./alertmanager.ts";

/** Where something can be looked up. */
const sourceSchema = z.object({ id: z.string(), label: z.string(), url: z.string() });

/** What a group of alerts says, cut to what people and models read. */
export const incidentSchema = z.object({
  name: z.string(),
  /** What the ticket is about. */
  about: z.string(),
  firing: z.int(),
  resolved: z.int(),
  truncated: z.int(),
  started_at: z.string(),
  /** As the rules of Prometheus have labelled it; "" where they have not. */
  labelled: z.string(),
  /** What a step may be taken on: the services, machines and senders that the alerts name. */
  targets: z.array(z.string()),
  /** The same as a text. */
  text: z.string(),
  sources: z.array(sourceSchema),
});

/** What a group of alerts says. */
export type Incident = z.infer<typeof incidentSchema>;

const TARGET_LABELS = [
  "service",
  "app",
  "deployment",
  "job",
  "instance",
  "node",
  "pod",
  "mountpoint",
  "source_network",
];
const MOST = { alerts: 20, targets: 50, sources: 20, text: 12_000, line: 400 };

/** Reads the payload. Every text of it is cut and free of what hides or breaks off. */
export function incidentOf(group: AlertGroup): Incident {
  const { alerts, commonLabels, commonAnnotations, groupLabels, truncatedAlerts } = group;
  const firing = alerts.filter(({ status }) => status === "firing");
  const told = (firing.length > 0 ? firing : alerts).slice(0, MOST.alerts);
  const name = line(groupLabels["alertname"] ?? commonLabels["alertname"] ?? alerts[0]?.labels["alertname"] ?? "alert");
  const targets = new Set(
    [commonLabels, ...alerts.map(({ labels }) => labels)].flatMap((labels) =>
      TARGET_LABELS.flatMap((label) => (labels[label] === undefined ? [] : [line(labels[label], 200)])),
    ),
  );
  const text = [
    `Group: ${line(group.groupKey)}`,
    `Status: ${group.status}; ${firing.length} firing, ${alerts.length - firing.length} resolved, ${truncatedAlerts} left out`,
    `Common: ${pairs(commonLabels)}`,
    ...Object.entries(commonAnnotations).map(([key, value]) => `${line(key, 60)}: ${line(value)}`),
    ...told.map((alert, index) => alertText(alert, index, commonAnnotations)),
  ].join("\n");
  return {
    name: name === "" ? "alert" : name,
    about: middleCut(group.groupKey.replaceAll("\0", " ").toWellFormed(), 500),
    firing: firing.length,
    resolved: alerts.length - firing.length,
    truncated: truncatedAlerts,
    started_at: alerts.map(({ startsAt }) => line(startsAt, 40)).toSorted()[0] ?? "",
    labelled: line(commonLabels["severity"] ?? worst(alerts.map(({ labels }) => labels["severity"] ?? "")), 40),
    targets: [...targets].filter((target) => target !== "").slice(0, MOST.targets),
    text: text.slice(0, MOST.text).toWellFormed(),
    sources: sourcesOf(group, told),
  };
}

function alertText(
  { labels, annotations, startsAt, status }: Alert,
  index: number,
  common: Alert["annotations"],
): string {
  const own = Object.entries(annotations).filter(([key, value]) => common[key] !== value);
  const said = own.map(([key, value]) => `${line(key, 60)}: ${line(value)}`).join("; ");
  return `A${index + 1}. ${status} since ${line(startsAt, 40)}: ${pairs(labels)}${said === "" ? "" : `; ${said}`}`;
}

function pairs(labels: Alert["labels"]): string {
  return line(
    Object.entries(labels)
      .map(([key, value]) => `${line(key, 60)}=${line(value, 120)}`)
      .join(" "),
    1_000,
  );
}

function sourcesOf(group: AlertGroup, told: readonly Alert[]): Incident["sources"] {
  const found = [
    ...told.map(({ labels, generatorURL }, index) => ({
      id: `A${index + 1}`,
      label:
        `alert ${line(labels["alertname"] ?? "", 80)} ${line(labels["instance"] ?? labels["service"] ?? "", 80)}`.trim(),
      url: webAddress(generatorURL),
    })),
    { id: "G1", label: "the group in Alertmanager", url: webAddress(group.externalURL) },
    {
      id: "G2",
      label: "the runbook that the alerts name",
      url: webAddress(group.commonAnnotations["runbook_url"] ?? ""),
    },
  ];
  return found.filter(({ id, url }) => id.startsWith("A") || url !== "").slice(0, MOST.sources + 2);
}

/** An address that can be opened, or nothing. */
function webAddress(text: string): string {
  const url = text.length <= 2_000 ? URL.parse(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" ? url.href : "";
}

const SEVERITY_ORDER = ["", "none", "info", "low", "warning", "error", "high", "critical", "page", "emergency"];

function worst(labels: readonly string[]): string {
  const known = labels.map((label) => SEVERITY_ORDER.indexOf(label.toLowerCase()));
  return SEVERITY_ORDER[Math.max(0, ...known)] ?? "";
}

/** One line: what is no character of a text, or reorders one, is left out. */
function line(text: string, longest = MOST.line): string {
  const plain = text
    .slice(0, longest * 2)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "")
    .trim();
  return plain.length <= longest ? plain : `${plain.slice(0, longest - 1).toWellFormed()}…`;
}

/** Two long keys of groups differ at their ends as often as at their beginnings. */
function middleCut(text: string, longest: number): string {
  const half = Math.floor(longest / 2) - 1;
  return text.length <= longest ? text : `${text.slice(0, half)}…${text.slice(-half)}`.toWellFormed();
}
