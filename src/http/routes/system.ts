import { z } from "zod";
import { anyObject, shows } from "../answers.ts";
import { json, text } from "../reply.ts";
import { definePublicRoute, defineRoute, type Route } from "../route.ts";

const live = shows(z.object({ live: z.literal(true) }), "The process answers.");
const readySchema = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });
const okQuery = z.object({ check_db: z.union([z.string(), z.array(z.string())]).optional() });

/** What says that the server is there, and how it is doing. */
export const systemRoutes: readonly Route[] = [
  definePublicRoute({
    method: "GET",
    path: "/ok",
    summary: "See whether the process answers, and with check_db=1 whether it can do its work",
    query: okQuery,
    answers: { 200: shows(anyObject, "It does."), 503: shows(anyObject, "It cannot, and why.") },
    async handle({ deps, query }) {
      // Whoever asks whether to start this process again does not want to hear of the database.
      if (query.check_db !== "1") return json({ ok: true });
      const { ready, reasons } = await deps.isReady();
      return json({ ok: ready, reasons }, ready ? 200 : 503);
    },
  }),
  definePublicRoute({
    method: "GET",
    path: "/info",
    summary: "Read the version, and what this server offers",
    answers: { 200: shows(anyObject, "What the clients ask for first.") },
    handle: ({ deps }) =>
      json({
        version: deps.settings.version,
        context: "js",
        flags: {
          assistants: true,
          crons: true,
          stream_namespaces: true,
          store_vectors: deps.embedder !== undefined,
          langsmith: false,
          langsmith_tracing_replicas: false,
        },
        // Agent Inbox names an inbox by it where it is given.
        host: { kind: "self-hosted", project_id: null, revision_id: null, tenant_id: null },
      }),
  }),
  definePublicRoute({
    method: "GET",
    path: "/livez",
    summary: "See whether the process answers",
    answers: { 200: live },
    handle: () => json({ live: true }),
  }),
  definePublicRoute({
    method: "GET",
    path: "/healthz",
    summary: "The same, by another usual name",
    answers: { 200: live },
    handle: () => json({ live: true }),
  }),
  definePublicRoute({
    method: "GET",
    path: "/readyz",
    summary: "See whether the process can do its work",
    answers: { 200: shows(readySchema, "It can."), 503: shows(readySchema, "It cannot, and why.") },
    async handle({ deps }) {
      const state = await deps.isReady();
      return json(state, state.ready ? 200 : 503);
    },
  }),
  defineRoute({
    // Figures tell how a business goes: open on the loopback address, where every caller is the owner, and only there.
    method: "GET",
    path: "/metrics",
    permission: "runs:read",
    event: { none: "figures of the process" },
    summary: "Read figures, for Prometheus",
    answers: { 200: { description: "The figures.", type: "text/plain" } },
    handle: async ({ deps }) =>
      text(await deps.metrics.render(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  }),
  defineRoute({
    method: "GET",
    path: "/whoami",
    permission: "authenticated",
    event: { none: "who asks, to themselves" },
    summary: "Read who the caller is, and what they may do",
    answers: { 200: shows(anyObject, "The principal.") },
    handle({ principal }) {
      const { permissions, credential: _credential, ...who } = principal;
      return json({ ...who, permissions: [...permissions] });
    },
  }),
];

const OPERATIONS: ReadonlySet<string> = new Set(["/livez", "/healthz", "/readyz", "/metrics"]);

/** What a process answers to whoever looks after it, also where it answers nothing else. */
export const operationRoutes: readonly Route[] = systemRoutes.filter(({ path }) => OPERATIONS.has(path));
