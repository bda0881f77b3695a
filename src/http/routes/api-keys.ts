import { z } from "zod";
import { createApiKey, endApiKey, readApiKeys } from "../../postgres/identity.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { mayUse, PERMISSIONS, type Permission, type Principal, TOOL_PREFIX } from "../../protocol/principal.ts";
import { anyObject, lists, shows } from "../answers.ts";
import { idempotencyKey } from "../idempotency.ts";
import { limitSchema, offsetSchema, textSchema, wholeNumber } from "../read-request.ts";
import { json, page } from "../reply.ts";
import { defineRoute, type Route } from "../route.ts";

const principalSchema = z.object({
  principal_id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._@-]{0,99}$/, 'must be up to 100 lower case letters, digits, ".", "_", "@" and "-"'),
  // What the program does itself it does as a system principal; nobody else can be one.
  kind: z.enum(["user", "service", "agent"]).default("service"),
  display_name: textSchema.min(1).optional(),
});

const permissionSchema = z.union(
  [z.enum(PERMISSIONS), z.templateLiteral([TOOL_PREFIX, z.string().regex(/^[a-z0-9][a-z0-9:._-]{0,99}$/)])],
  {
    error: `must be one of ${PERMISSIONS.join(", ")}, or "tool:" and the name of a permission that a tool asks for`,
  },
);

const createSchema = z.object({
  name: textSchema.min(1),
  principal: principalSchema,
  permissions: z.array(permissionSchema).min(1).optional(),
});

const listSchema = z.object({
  limit: wholeNumber(limitSchema).default(100),
  offset: wholeNumber(offsetSchema).default(0),
});

/** API keys: made, listed and ended by administrators. */
export const apiKeyRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/api-keys",
    permission: "admin",
    event: { none: "keys are of the server's own principals" },
    summary: "Make an API key",
    description: "Its secret is shown once, so no Idempotency-Key is taken.",
    body: createSchema,
    example: { name: "ci", principal: { principal_id: "ci" }, permissions: ["runs:create", "runs:read"] },
    answers: { 201: shows(anyObject, "The key, with its secret.") },
    async handle(call) {
      refuseKey(call.request);
      const { name, principal, permissions } = call.body;
      refuseMoreThanOwn(call.principal, permissions ?? []);
      const key = await createApiKey(call.deps.database, {
        tenant_id: call.principal.tenant_id,
        name,
        principal: { ...principal, display_name: principal.display_name ?? principal.principal_id },
        ...(permissions === undefined ? {} : { permissions }),
        created_by: call.principal.principal_id,
      });
      return json(key, 201);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api-keys",
    permission: "admin",
    event: { none: "keys are of the server's own principals" },
    summary: "List API keys",
    query: listSchema,
    answers: { 200: lists(anyObject, "The keys, without their secrets.") },
    async handle({ deps, principal, query }) {
      return page(await readApiKeys(deps.database, principal.tenant_id, query), query);
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api-keys/:api_key_id",
    permission: "admin",
    event: { none: "keys are of the server's own principals" },
    summary: "End an API key",
    answers: { 200: shows(anyObject, "The key, ended.") },
    async handle(call) {
      const { tenant_id, principal_id } = call.principal;
      return json(await endApiKey(call.deps.database, tenant_id, call.params.api_key_id, principal_id));
    },
  }),
];

/** The secret is kept as its hash alone, so the same answer could not be given twice. */
function refuseKey(request: Request): void {
  if (idempotencyKey(request) === undefined) return;
  throw new HoldpointError(
    "bad_request",
    "an API key is shown once and cannot be answered again, so Idempotency-Key is not taken here; " +
      "leave it out, and end the key whose answer was lost",
  );
}

/** Nobody gives away what they do not hold. */
function refuseMoreThanOwn(principal: Principal, permissions: readonly Permission[]): void {
  const missing = permissions.filter((permission) =>
    permission.startsWith(TOOL_PREFIX)
      ? !mayUse(principal, permission.slice(TOOL_PREFIX.length))
      : !principal.permissions.has(permission),
  );
  if (missing.length === 0) return;
  throw new HoldpointError(
    "permission_denied",
    `${principal.principal_id} does not hold ${missing.join(", ")} and cannot give it to a key`,
    {
      facts: { permission: missing },
    },
  );
}
