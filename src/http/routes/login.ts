import { readLoginLink, redeemLoginLink } from "../../postgres/identity.ts";
import type { Answer } from "../answers.ts";
import { SESSION_COOKIE } from "../authenticate.ts";
import { type Html, html } from "../html.ts";
import { refuseForeignPage } from "../origin.ts";
import { definePublicRoute, type Route } from "../route.ts";

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  // The address holds a secret, and the page runs nothing.
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

const HTML: Answer = { description: "A page.", type: "text/html" };

/** Logging in by a link that works once. Looking at the link does nothing, because mail scanners and previews look too. */
export const loginRoutes: readonly Route[] = [
  definePublicRoute({
    method: "GET",
    path: "/login/:secret",
    summary: "Look at a link to log in by",
    answers: { 200: HTML, 410: HTML },
    async handle({ deps, params }) {
      const person = await readLoginLink(deps.database, params.secret);
      if (person === undefined) return ended();
      const button = html`<form method="post"><button type="submit">Log in</button></form>`;
      return page(200, html`<p>Log in as <strong>${person.display_name}</strong>?</p>${button}`);
    },
  }),
  definePublicRoute({
    method: "POST",
    path: "/login/:secret",
    summary: "Log in by a link",
    description: "The link works once. The answer sets the cookie of a session.",
    answers: { 200: HTML, 410: HTML },
    async handle({ deps, params, request, url }) {
      refuseForeignPage(request);
      const session = await redeemLoginLink(deps.database, params.secret);
      if (session === undefined) return ended();
      const secure = url.protocol === "https:" ? "; Secure" : "";
      const cookie = `${SESSION_COOKIE}=${session.secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${session.validSeconds}${secure}`;
      return page(200, html`<p>You are logged in. <a href="/">Open the console</a></p>`, { "set-cookie": cookie });
    },
  }),
];

function ended(): Response {
  return page(410, html`<p>This link was used or has expired. Ask for a new one.</p>`);
}

function page(status: number, body: Html, headers: Record<string, string> = {}): Response {
  const whole = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Holdpoint</title><style>body{font:16px system-ui;margin:4rem auto;max-width:30rem;padding:0 1rem}button{font:inherit;padding:.6rem 1.2rem}</style></head><body><h1>Holdpoint</h1>${body}</body></html>`;
  return new Response(whole.markup, { status, headers: { ...PAGE_HEADERS, ...headers } });
}
