import { createHash, randomBytes, randomUUID } from "node:crypto";
import { HoldpointError } from "../protocol/errors.ts";
import {
  DEFAULT_TENANT,
  isPermission,
  LOCAL_OWNER,
  PERMISSIONS,
  type Permission,
  type Principal,
  type PrincipalKind,
} from "../protocol/principal.ts";
import type { Database } from "./database.ts";
import {
  type ApiKeyRow,
  countApiKeys,
  insertApiKey,
  insertIdentityAudit,
  insertLoginLink,
  insertPrincipal,
  insertSession,
  keepProjectUser,
  listApiKeys,
  type PrincipalRow,
  principalNow,
  principalOfApiKey,
  principalOfLoginLink,
  principalOfSession,
  revokeApiKey,
  type StandingPrincipalRow,
  selectPrincipal,
  touchApiKey,
  useLoginLink,
} from "./identity.sql.ts";
import type { Statement } from "./sql.ts";

/** What a key may do that says nothing about it: start and watch runs and see questions, not answer them. */
export const DEFAULT_KEY_PERMISSIONS: readonly Permission[] = [
  "runs:create",
  "runs:read",
  "runs:cancel",
  "review:read",
];

/** What only a person or a service acting for one may hold; `admin` is here because it can make keys. */
const NEVER_FOR_AGENTS: ReadonlySet<Permission> = new Set(["review:decide", "review:bypass", "review:admin", "admin"]);

const LOGIN_LINK_SECONDS = 10 * 60;
const SESSION_SECONDS = 7 * 24 * 3600;
const SECRET_BYTES = 32;

/** A key and, this once, its secret. */
export interface NewApiKey extends ApiKeyRow {
  secret: string;
}

/** Who is to have which key. */
export interface CreateApiKey {
  tenant_id?: string;
  name: string;
  principal: { principal_id: string; kind: PrincipalKind; display_name: string };
  permissions?: readonly Permission[];
  /** Who makes it, for the audit. */
  created_by: string;
}

/** Makes the principal that stands for everybody on this machine, when the server listens to nobody else. */
export async function ensureLocalOwner(database: Database, tenant_id = DEFAULT_TENANT): Promise<void> {
  await database.run(insertPrincipal(tenant_id, LOCAL_OWNER, "user", "Local owner"));
}

/** The principal of a caller on this machine that shows nothing. */
export function localOwner(tenant_id = DEFAULT_TENANT): Principal {
  const row: PrincipalRow = {
    tenant_id,
    principal_id: LOCAL_OWNER,
    kind: "user",
    display_name: "Local owner",
    groups: [],
    source: "holdpoint",
  };
  return principalWith(row, PERMISSIONS);
}

/** Makes an API key, and its principal if there is none yet. The secret is given once and stored as its hash. */
export async function createApiKey(database: Database, request: CreateApiKey): Promise<NewApiKey> {
  const { tenant_id = DEFAULT_TENANT, principal, name, created_by } = request;
  const permissions = [...new Set(request.permissions ?? DEFAULT_KEY_PERMISSIONS)];
  const secret = `hp_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return await database.transaction(async (tx) => {
    await tx.run(insertPrincipal(tenant_id, principal.principal_id, principal.kind, principal.display_name));
    const stored = await tx.one(selectPrincipal(tenant_id, principal.principal_id));
    refuseOtherKind(stored, principal.kind);
    refuseForAgents(stored.kind, permissions);
    const api_key_id = randomUUID();
    const { principal_id } = stored;
    const key = { tenant_id, api_key_id, principal_id, name, secret_sha256: sha256(secret), permissions };
    const row = await tx.one(insertApiKey(key));
    const body = JSON.stringify({ api_key_id, principal_id, name, permissions });
    await tx.run(insertIdentityAudit(tenant_id, "api_key.created", created_by, body));
    return { ...row, secret };
  });
}

function refuseOtherKind(stored: PrincipalRow, kind: PrincipalKind): void {
  if (stored.source === "auth") {
    throw new HoldpointError(
      "invalid",
      `${stored.principal_id} is a user of the Auth of this server's project, who has no keys here; name another principal`,
    );
  }
  if (stored.kind === kind) return;
  throw new HoldpointError(
    "invalid",
    `principal ${stored.principal_id} is of kind ${stored.kind}, not ${kind}; name another principal`,
  );
}

function refuseForAgents(kind: PrincipalKind, permissions: readonly Permission[]): void {
  const refused = kind === "agent" ? permissions.filter((permission) => NEVER_FOR_AGENTS.has(permission)) : [];
  if (refused.length === 0) return;
  throw new HoldpointError("invalid", `a principal of kind agent can never hold ${refused.join(", ")}`);
}

/** A page of the tenant's keys, without secrets. */
export async function readApiKeys(
  database: Database,
  tenant_id: string,
  page: { limit: number; offset: number },
): Promise<ApiKeyRow[]> {
  return await database.many(listApiKeys(tenant_id, page.limit, page.offset));
}

/** Ends a key at once. Throws `not_found`. */
export async function endApiKey(
  database: Database,
  tenant_id: string,
  api_key_id: string,
  ended_by: string,
): Promise<ApiKeyRow> {
  return await database.transaction(async (tx) => {
    const row = await tx.maybeOne(revokeApiKey(tenant_id, api_key_id));
    if (row === undefined) throw new HoldpointError("not_found", `API key ${api_key_id} not found`);
    await tx.run(insertIdentityAudit(tenant_id, "api_key.revoked", ended_by, JSON.stringify({ api_key_id })));
    return row;
  });
}

/** True when some key works, so that the server may be reached from elsewhere. */
export async function hasApiKeys(database: Database): Promise<boolean> {
  return (await database.one(countApiKeys())).keys > 0;
}

/** Who a key stands for; undefined when it is unknown or revoked. */
export async function principalByApiKey(database: Database, secret: string): Promise<Principal | undefined> {
  const row = await database.maybeOne(principalOfApiKey(sha256(secret)));
  if (row === undefined) return undefined;
  if (row.unnoticed) await database.run(touchApiKey(row.tenant_id, row.api_key_id));
  return { ...principalWith(row, row.permissions), credential: { api_key_id: row.api_key_id } };
}

/**
 * Keeps who a user of the project's Auth is, for whoever reads of them later. False where the name is of a principal of
 * the server itself: who may choose a name there is not whoever has it here.
 */
export async function keepUser(database: Database, user: Principal): Promise<boolean> {
  const { tenant_id, principal_id, kind, display_name, groups } = user;
  const row = { tenant_id, principal_id, kind, display_name, groups: [...groups] };
  return (await database.one(keepProjectUser(row))).source === "auth";
}

/** Makes a link that logs a person in once, within ten minutes. */
export async function createLoginLink(
  database: Database,
  principal_id: string,
  tenant_id = DEFAULT_TENANT,
): Promise<{ secret: string; expires_at: string }> {
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const { expires_at } = await database.one(
    insertLoginLink(tenant_id, sha256(secret), principal_id, LOGIN_LINK_SECONDS),
  );
  return { secret, expires_at };
}

/** Who a link would log in; looking does not use it up. */
export async function readLoginLink(database: Database, secret: string): Promise<{ display_name: string } | undefined> {
  return await database.maybeOne(principalOfLoginLink(sha256(secret)));
}

/** A session and, this once, its secret. */
export interface NewSession {
  secret: string;
  validSeconds: number;
}

/** Uses a link up for a session; undefined when it was used, has expired or never was. */
export async function redeemLoginLink(database: Database, secret: string): Promise<NewSession | undefined> {
  const session = { secret: randomBytes(SECRET_BYTES).toString("base64url"), validSeconds: SESSION_SECONDS };
  return await database.transaction(async (tx) => {
    const link = await tx.maybeOne(useLoginLink(sha256(secret)));
    if (link === undefined) return undefined;
    await tx.one(insertSession(link.tenant_id, sha256(session.secret), link.principal_id, SESSION_SECONDS));
    await tx.run(insertIdentityAudit(link.tenant_id, "session.created", link.principal_id, "{}"));
    return session;
  });
}

/** Whose session this is; undefined when it is unknown or has ended. */
export async function principalBySession(database: Database, secret: string): Promise<Principal | undefined> {
  const session_sha256 = sha256(secret);
  const row = await database.maybeOne(principalOfSession(session_sha256));
  if (row === undefined) return undefined;
  const isOwner = row.principal_id === LOCAL_OWNER;
  const permissions = isOwner ? PERMISSIONS : [...DEFAULT_KEY_PERMISSIONS, "review:decide", "audit:read"];
  return { ...principalWith(row, permissions as readonly string[]), credential: { session_sha256 } };
}

/** Reads again who somebody is; to be sent under the lock of what they want to do. */
export function lookAgain({ tenant_id, principal_id, credential }: Principal): Statement<StandingPrincipalRow> {
  const api_key_id = credential !== undefined && "api_key_id" in credential ? credential.api_key_id : null;
  const session = credential !== undefined && "session_sha256" in credential ? credential.session_sha256 : null;
  return principalNow(tenant_id, principal_id, api_key_id, session);
}

/**
 * The principal as it stands, of what `lookAgain` found: rights that were lost since it was authenticated are lost. Whoever
 * showed nothing, because they are in this process or on this machine, has what they came with, and so has a user of the
 * project's Auth, which was asked for this very request. Throws `authentication_required`.
 */
export function standing(principal: Principal, row: StandingPrincipalRow | undefined): Principal {
  const { credential, principal_id } = principal;
  // Who they are was said by the Auth of the project for this request; no row of ours says it.
  if (credential !== undefined && "user" in credential) return principal;
  if (credential !== undefined && row?.holds !== true) {
    throw new HoldpointError(
      "authentication_required",
      `the ${"api_key_id" in credential ? "API key" : "session"} of ${principal_id} has ended meanwhile`,
    );
  }
  if (row === undefined) return principal;
  return { ...principalWith(row, row.permissions ?? [...principal.permissions]), ...(credential && { credential }) };
}

// What a row says is filtered again: a permission that was written past this program gives an agent nothing.
function principalWith(row: PrincipalRow, permissions: readonly string[]): Principal {
  const { tenant_id, principal_id, kind, display_name, groups } = row;
  const held = permissions
    .filter(isPermission)
    .filter((permission) => !(kind === "agent" && NEVER_FOR_AGENTS.has(permission)));
  return { tenant_id, principal_id, kind, display_name, groups, permissions: new Set(held) };
}

// A secret has 256 random bits: there is nothing to guess, so a fast hash is enough.
function sha256(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
