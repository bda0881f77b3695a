/** What a principal may do. A key that starts runs does not get `review:decide` unless it is asked for. */
export const PERMISSIONS = [
  "runs:create",
  "runs:read",
  "runs:cancel",
  "threads:write_state",
  "review:read",
  "review:decide",
  "review:bypass",
  "review:admin",
  "audit:read",
  "admin",
] as const;

/** A permission that a tool asks for, as whoever starts its runs is given it: `tool:refunds:pay`. */
export type ToolPermission = `tool:${string}`;

/** How such a permission begins. */
export const TOOL_PREFIX = "tool:";

/** How it is written. */
export const TOOL_PERMISSION = /^tool:[a-z0-9][a-z0-9:._-]{0,99}$/;

/** One permission. */
export type Permission = (typeof PERMISSIONS)[number] | ToolPermission;

/** Whether there is such a permission. */
export function isPermission(text: string): text is Permission {
  return PERMISSIONS.some((permission) => permission === text) || TOOL_PERMISSION.test(text);
}

/** People decide; agents never can. */
export const PRINCIPAL_KINDS = ["user", "service", "agent", "system"] as const;

/** What kind of actor a principal is. */
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

/** Who is asking: every request has one before any route runs. */
export interface Principal {
  tenant_id: string;
  principal_id: string;
  kind: PrincipalKind;
  display_name: string;
  groups: readonly string[];
  permissions: ReadonlySet<Permission>;
  /** What was shown to prove it, where it can be taken away while a request is under way. Never leaves the server. */
  credential?: Credential;
}

/** A key by its id, a session by the hash of its secret, or what the Auth of the project says who it is. */
export type Credential =
  | { readonly api_key_id: string }
  | { readonly session_sha256: Uint8Array }
  | { readonly user: ProjectUser };

/** Who somebody is to the Auth of the project; undefined of principals of the server itself. */
export function projectUserOf({ credential }: Principal): ProjectUser | undefined {
  return credential !== undefined && "user" in credential ? credential.user : undefined;
}

/** A user as the Auth of a project describes them, and as its graphs are told of them. */
export interface ProjectUser {
  readonly identity: string;
  readonly display_name: string;
  readonly is_authenticated: boolean;
  readonly permissions: readonly string[];
  readonly [more: string]: unknown;
}

/** The caller of a server that listens on the loopback address only and has no other way to know who asks. */
export const LOCAL_OWNER = "local-owner";

/** Whether somebody may use what asks for this permission of a tool. Whoever owns the machine may use everything. */
export function mayUse(principal: Principal, permission: string): boolean {
  // A key of the owner's may have been made for less.
  if (principal.principal_id === LOCAL_OWNER && principal.permissions.has("admin")) return true;
  if (principal.permissions.has(`${TOOL_PREFIX}${permission}`)) return true;
  // To the Auth of a project a permission is a word of its own choice.
  return projectUserOf(principal)?.permissions.includes(permission) === true;
}

/** The default tenant. */
export const DEFAULT_TENANT = "default";

/** How the principals of the server itself are called; nobody else can be called so. */
export const SYSTEM_PREFIX = "system:";

/** Who decides a review that nobody has decided in time. */
export const TIMEOUT = "system:timeout";

/** The principal that a review's time-out decides as: its policy alone says what. */
export function timeoutPrincipal(tenant_id = DEFAULT_TENANT): Principal {
  return {
    tenant_id,
    principal_id: TIMEOUT,
    kind: "system",
    display_name: "the time-out",
    groups: [],
    permissions: new Set(),
  };
}
