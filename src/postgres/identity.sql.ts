import type { PrincipalKind } from "../protocol/principal.ts";
import { columns, sql } from "./sql.ts";

/** A principal as it is stored. */
export interface PrincipalRow {
  tenant_id: string;
  principal_id: string;
  kind: PrincipalKind;
  display_name: string;
  groups: string[];
  /** Who says who it is: the server by a key or a session of its own, or the Auth of the project. */
  source: "holdpoint" | "auth";
}

/** An API key as it is stored; its secret is not. */
export interface ApiKeyRow {
  api_key_id: string;
  principal_id: string;
  name: string;
  permissions: string[];
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

const PRINCIPAL = columns`p.tenant_id, p.principal_id, p.kind, p.display_name, p.groups, p.source`;
const API_KEY = columns`api_key_id, principal_id, name, permissions, created_at, last_used_at, revoked_at`;

/** Creates a principal; an existing one stays as it is. */
export const insertPrincipal = (
  tenant_id: string,
  principal_id: string,
  kind: PrincipalKind,
  display_name: string,
) => sql`
  insert into holdpoint.principal (tenant_id, principal_id, kind, display_name)
  values (${tenant_id}, ${principal_id}, ${kind}, ${display_name})
  on conflict (tenant_id, principal_id) do nothing`;

/**
 * Keeps a user of the project's Auth as they are now, and says whose the name was before. A name that is of a principal
 * of the server itself stays as it is.
 */
export const keepProjectUser = ({
  tenant_id,
  principal_id,
  kind,
  display_name,
  groups,
}: Omit<PrincipalRow, "source">) => sql<{
  source: PrincipalRow["source"];
}>`
  with kept as (
    insert into holdpoint.principal as p (tenant_id, principal_id, kind, display_name, groups, source)
    values (${tenant_id}, ${principal_id}, ${kind}, ${display_name}, ${groups}::text[], 'auth')
    on conflict (tenant_id, principal_id) do update
    set kind = excluded.kind, display_name = excluded.display_name, groups = excluded.groups
    where p.source = 'auth'
    returning p.source
  )
  select coalesce((select source from kept), 'holdpoint') as source`;

/** One principal. */
export const selectPrincipal = (tenant_id: string, principal_id: string) => sql<PrincipalRow>`
  select ${PRINCIPAL} from holdpoint.principal p
  where p.tenant_id = ${tenant_id} and p.principal_id = ${principal_id}`;

/** Stores a new key. */
export const insertApiKey = (key: {
  tenant_id: string;
  api_key_id: string;
  principal_id: string;
  name: string;
  secret_sha256: Buffer;
  permissions: readonly string[];
}) => sql<ApiKeyRow>`
  insert into holdpoint.api_key (tenant_id, api_key_id, principal_id, name, secret_sha256, permissions)
  values (${key.tenant_id}, ${key.api_key_id}::uuid, ${key.principal_id}, ${key.name}, ${key.secret_sha256}::bytea,
    ${key.permissions}::text[])
  returning ${API_KEY}`;

/** The keys of a tenant, newest first. */
export const listApiKeys = (tenant_id: string, limit: number, offset: number) => sql<ApiKeyRow>`
  select ${API_KEY} from holdpoint.api_key
  where tenant_id = ${tenant_id}
  order by created_at desc, api_key_id
  limit ${limit}::int offset ${offset}::int`;

/** Ends a key; no row when there is none. A key that has ended keeps the time it ended at. */
export const revokeApiKey = (tenant_id: string, api_key_id: string) => sql<ApiKeyRow>`
  update holdpoint.api_key set revoked_at = coalesce(revoked_at, holdpoint.now())
  where tenant_id = ${tenant_id} and api_key_id = ${api_key_id}::uuid
  returning ${API_KEY}`;

/** Who a key stands for, and whether its last use was noted a while ago. Keys are unique over all tenants. */
export const principalOfApiKey = (secret_sha256: Buffer) => sql<
  PrincipalRow & { api_key_id: string; permissions: string[]; unnoticed: boolean }
>`
  select ${PRINCIPAL}, k.api_key_id, k.permissions,
    k.last_used_at is null or k.last_used_at < holdpoint.now() - interval '1 minute' as unnoticed
  from holdpoint.api_key k
  join holdpoint.principal p on p.tenant_id = k.tenant_id and p.principal_id = k.principal_id
  where k.secret_sha256 = ${secret_sha256}::bytea and k.revoked_at is null and k.tenant_id = p.tenant_id`;

/** Notes that a key was used; several requests at once note it once. */
export const touchApiKey = (tenant_id: string, api_key_id: string) => sql`
  update holdpoint.api_key set last_used_at = holdpoint.now()
  where tenant_id = ${tenant_id} and api_key_id = ${api_key_id}::uuid
    and (last_used_at is null or last_used_at < holdpoint.now() - interval '1 minute')`;

/** How many keys of any tenant still work: without one, only the loopback address may be listened on. */
export const countApiKeys = () => sql<{ keys: number }>`
  select count(*) as keys from holdpoint.api_key where tenant_id is not null and revoked_at is null`;

/** Stores a login link. */
export const insertLoginLink = (
  tenant_id: string,
  secret_sha256: Buffer,
  principal_id: string,
  validSeconds: number,
) => sql<{ expires_at: string }>`
  insert into holdpoint.login_link (tenant_id, secret_sha256, principal_id, expires_at)
  values (${tenant_id}, ${secret_sha256}::bytea, ${principal_id}, holdpoint.now() + make_interval(secs => ${validSeconds}::float8))
  returning expires_at`;

/** Who a link that still works would log in. */
export const principalOfLoginLink = (secret_sha256: Buffer) => sql<PrincipalRow>`
  select ${PRINCIPAL} from holdpoint.login_link l
  join holdpoint.principal p on p.tenant_id = l.tenant_id and p.principal_id = l.principal_id
  where l.secret_sha256 = ${secret_sha256}::bytea and l.used_at is null and l.expires_at > holdpoint.now()
    and l.tenant_id = p.tenant_id and p.source = 'holdpoint'`;

/** Uses a link up; of any number of callers one gets the row. */
export const useLoginLink = (secret_sha256: Buffer) => sql<{ tenant_id: string; principal_id: string }>`
  update holdpoint.login_link set used_at = holdpoint.now()
  where secret_sha256 = ${secret_sha256}::bytea and used_at is null and expires_at > holdpoint.now() and tenant_id is not null
  returning tenant_id, principal_id`;

/** Stores a session. */
export const insertSession = (
  tenant_id: string,
  secret_sha256: Buffer,
  principal_id: string,
  validSeconds: number,
) => sql<{ expires_at: string }>`
  insert into holdpoint.session (tenant_id, secret_sha256, principal_id, expires_at)
  values (${tenant_id}, ${secret_sha256}::bytea, ${principal_id}, holdpoint.now() + make_interval(secs => ${validSeconds}::float8))
  returning expires_at`;

/** Who a session that still runs belongs to. */
export const principalOfSession = (secret_sha256: Buffer) => sql<PrincipalRow>`
  select ${PRINCIPAL} from holdpoint.session s
  join holdpoint.principal p on p.tenant_id = s.tenant_id and p.principal_id = s.principal_id
  where s.secret_sha256 = ${secret_sha256}::bytea and s.expires_at > holdpoint.now() and s.tenant_id = p.tenant_id
    and p.source = 'holdpoint'`;

/** A principal as it stands now, and whether what it has shown still holds. */
export interface StandingPrincipalRow extends PrincipalRow {
  holds: boolean;
  /** The key's; null where no key was shown. */
  permissions: string[] | null;
}

/** What has become of a principal since it was authenticated. */
export const principalNow = (
  tenant_id: string,
  principal_id: string,
  api_key_id: string | null,
  session_sha256: Uint8Array | null,
) => sql<StandingPrincipalRow>`
  select ${PRINCIPAL}, k.permissions,
    (${api_key_id}::uuid is null or k.api_key_id is not null)
      and (${session_sha256}::bytea is null or s.secret_sha256 is not null) as holds
  from holdpoint.principal p
  left join holdpoint.api_key k on k.tenant_id = p.tenant_id and k.principal_id = p.principal_id
    and k.api_key_id = ${api_key_id}::uuid and k.revoked_at is null
  left join holdpoint.session s on s.tenant_id = p.tenant_id and s.principal_id = p.principal_id
    and s.secret_sha256 = ${session_sha256}::bytea and s.expires_at > holdpoint.now()
  where p.tenant_id = ${tenant_id} and p.principal_id = ${principal_id}`;

/** Records who gave or took which right. */
export const insertIdentityAudit = (tenant_id: string, kind: string, principal_id: string, body: string) => sql`
  insert into holdpoint.audit (tenant_id, kind, at, principal_id, body)
  values (${tenant_id}, ${kind}, holdpoint.now(), ${principal_id}, ${body})`;
