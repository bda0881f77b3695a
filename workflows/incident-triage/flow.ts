import { analysed, proposalOf, workflow } from "holdpoint";
import { z } from "zod";
import { AlertmanagerPayload } from "./alertmanager.ts";
import { MITIGATIONS } from "./catalogue.ts";
import { EXAMPLES } from "./examples.ts";
import { incidentSchema } from "./incident.ts";

/** How bad something is, from the least to the most. */
export const SEVERITIES = ["info", "low", "medium", "high", "critical"] as const;
/** How bad something is. */
export type Severity = (typeof SEVERITIES)[number];

/** What one way of looking at an incident sees. */
export const viewSchema = z.object({
  severity: z.enum(SEVERITIES),
  /** One or two sentences. */
  summary: z.string().max(1_000),
  confidence: z.number().min(0).max(1),
});

/** One thing to do, and on what. */
export const stepSchema = z.object({
  action: z.enum(MITIGATIONS),
  target: z.string().min(1).max(200),
  why: z.string().max(500),
});
/** One thing to do, and on what. */
export type Step = z.infer<typeof stepSchema>;

/** What to do. */
export const planSchema = z.object({ steps: z.array(stepSchema).max(6), confidence: z.number().min(0).max(1) });

/** What is asked of a person: the destructive steps, of which some may be left out. */
export const approvalSchema = z.object({ steps: z.array(stepSchema).min(1).max(6) });

const claimSchema = z.object({ text: z.string().max(1_000), sources: z.array(z.string().max(20)).max(10) });
/** Something that is said, and by what it can be checked. */
export type Claim = z.infer<typeof claimSchema>;

/** A post-mortem before anybody has worked on it. */
export const draftSchema = z.object({
  summary: z.array(claimSchema).max(5),
  impact: z.array(claimSchema).max(5),
  causes: z.array(claimSchema).max(5),
  follow_ups: z.array(claimSchema).max(8),
  confidence: z.number().min(0).max(1),
});

const findingSchema = z.object({
  code: z.string(),
  severity: z.enum(SEVERITIES),
  score: z.number(),
  text: z.string(),
  path: z.string().optional(),
});
const findings = z.array(findingSchema).default([]);
const view = analysed(viewSchema).nullable().default(null);

const state = {
  incident: incidentSchema.nullable().default(null),
  performance: view,
  quality: view,
  security: view,
  business: view,
  /** Views that failed. */
  findings,
  /** What the views and the alerts themselves weigh. */
  weighed: findings,
  score: z.number().default(0),
  severity: z.enum(SEVERITIES).default("info"),
  ticket: z.object({ number: z.int(), is_new: z.boolean() }).nullable().default(null),
  plan: analysed(planSchema).nullable().default(null),
  /** What is ordered at once, what a person is asked about, and what was proposed and cannot be done. */
  harmless: z.array(stepSchema).default([]),
  destructive: z.array(stepSchema).default([]),
  dropped: z.array(z.string()).default([]),
  approval: proposalOf(approvalSchema),
  /** What was written on the ticket for whoever is on call. */
  orders: z.array(stepSchema).default([]),
  notification: z.object({ sent: z.int(), problem: z.string().nullable() }).nullable().default(null),
  draft: analysed(draftSchema).nullable().default(null),
  postmortem: z.string().nullable().default(null),
  outcome: z.enum(["triaged", "resolved"]).nullable().default(null),
  answer: z.string().nullable().default(null),
};

/** The workflow's state, and its nodes' types. */
export const flow = workflow({
  name: "incident-triage",
  description:
    "Takes what Alertmanager posts: looks at it from four sides, weighs it, opens a ticket, proposes what to do, asks before anything destructive, and drafts the post-mortem.",
  version: "1.0.0",
  input: AlertmanagerPayload,
  state,
  output: {
    outcome: state.outcome,
    severity: state.severity,
    score: state.score,
    ticket: state.ticket,
    orders: state.orders,
    notification: state.notification,
    postmortem: state.postmortem,
    answer: state.answer,
  },
  policies: { guarded: true },
  examples: EXAMPLES,
});

/** All that the workflow knows. */
export type State = typeof flow.State;
/** What a node may change. */
export type Update = typeof flow.Update;
