import { json, text } from "../reply.ts";
import type { Route } from "../route.ts";

/** What says that the server is there, and how it is doing. */
export const systemRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/ok",
    permission: "public",
    async handle({ deps, url }) {
      // Whoever asks whether to start this process again does not want to hear of the database.
      if (url.searchParams.get("check_db") !== "1") return json({ ok: true });
      const { ready, reasons } = await deps.isReady();
      return json({ ok: ready, reasons }, ready ? 200 : 503);
    },
  },
  {
    method: "GET",
    path: "/info",
    permission: "public",
    handle: ({ deps }) =>
      json({
        version: deps.settings.version,
        context: "js",
        flags: {
          assistants: true,
          crons: true,
          stream_namespaces: true,
          langsmith: false,
          langsmith_tracing_replicas: false,
        },
        // Agent Inbox names an inbox by it where it is given.
        host: { kind: "self-hosted", project_id: null, revision_id: null, tenant_id: null },
      }),
  },
  { method: "GET", path: "/livez", permission: "public", handle: () => json({ live: true }) },
  { method: "GET", path: "/healthz", permission: "public", handle: () => json({ live: true }) },
  {
    method: "GET",
    path: "/readyz",
    permission: "public",
    async handle({ deps }) {
      const state = await deps.isReady();
      return json(state, state.ready ? 200 : 503);
    },
  },
  {
    // Figures tell how a business goes: open on the loopback address, where every caller is the owner, and only there.
    method: "GET",
    path: "/metrics",
    permission: "runs:read",
    handle: async ({ deps }) =>
      text(await deps.metrics.render(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  },
  {
    method: "GET",
    path: "/whoami",
    permission: "authenticated",
    handle({ principal }) {
      const { permissions, credential: _credential, ...who } = principal;
      return json({ ...who, permissions: [...permissions] });
    },
  },
];

const OPERATIONS: ReadonlySet<string> = new Set(["/livez", "/healthz", "/readyz", "/metrics"]);

/** What a process answers to whoever looks after it, also where it answers nothing else. */
export const operationRoutes: readonly Route[] = systemRoutes.filter(({ path }) => OPERATIONS.has(path));
