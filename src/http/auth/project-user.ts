import {
  DEFAULT_TENANT,
  LOCAL_OWNER,
  type Permission,
  type Principal,
  type PrincipalKind,
  type ProjectUser,
  SYSTEM_PREFIX,
  TOOL_PERMISSION,
  type ToolPermission,
} from "../../protocol/principal.ts";

/** What the clients of LangGraph do, and answering what is asked on the threads that one may write to. */
const OF_EVERY_USER: readonly Permission[] = [
  "runs:create",
  "runs:read",
  "runs:cancel",
  "threads:write_state",
  "review:read",
  "review:decide",
];
/** What somebody holds only whose `permissions` name it. */
const WHERE_NAMED: readonly Permission[] = ["review:bypass", "review:admin", "audit:read", "admin"];
const NEVER_FOR_AGENTS: ReadonlySet<Permission> = new Set(["review:decide", "review:bypass", "review:admin", "admin"]);

const MAX_IDENTITY = 256;
const MAX_GROUPS = 100;
// It is stored with every run that they start.
const MAX_USER_CHARACTERS = 65_536;
const INVISIBLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Why what a handler has returned is nobody. */
export class NoUser extends Error {
  override readonly name = "NoUser";
}

/** The user that an `authenticate` handler has returned, as text or as an object. Throws `NoUser`. */
export function readProjectUser(returned: unknown): ProjectUser {
  if (typeof returned === "string") {
    return { identity: identityOf(returned), display_name: returned, is_authenticated: true, permissions: [] };
  }
  if (typeof returned !== "object" || returned === null) throw new NoUser(`it returned ${nameOf(returned)}`);
  const given = plain(returned);
  const identity = identityOf(given["identity"]);
  if (given["is_authenticated"] === false) throw new NoUser("is_authenticated is false");
  const { display_name } = given;
  return {
    ...given,
    identity,
    display_name: typeof display_name === "string" && display_name !== "" ? display_name : identity,
    is_authenticated: true,
    permissions: texts(given["permissions"]),
  };
}

/**
 * Who they are to Holdpoint: the principal of that name, with what every user may do and what their permissions name of
 * the rest. An agent decides nothing, whatever is said of it.
 */
export function principalOfUser(user: ProjectUser, tenant_id = DEFAULT_TENANT): Principal {
  const kind = kindOf(user["kind"]);
  const named = WHERE_NAMED.filter((permission) => user.permissions.includes(permission));
  const tools = user.permissions.filter((permission) => TOOL_PERMISSION.test(permission)) as ToolPermission[];
  const held = [...OF_EVERY_USER, ...named, ...tools].filter(
    (permission) => kind !== "agent" || !NEVER_FOR_AGENTS.has(permission),
  );
  return {
    tenant_id,
    principal_id: user.identity,
    kind,
    display_name: shownName(user),
    groups: texts(user["groups"])
      .filter((group) => !INVISIBLE.test(group))
      .slice(0, MAX_GROUPS),
    permissions: new Set(held),
    credential: { user },
  };
}

function identityOf(given: unknown): string {
  if (typeof given !== "string") throw new NoUser(`the identity is ${nameOf(given)}`);
  if (given.trim() === "") throw new NoUser("the identity is empty");
  if (given.length > MAX_IDENTITY) throw new NoUser(`the identity has ${given.length} characters`);
  if (INVISIBLE.test(given)) throw new NoUser("the identity holds control characters");
  if (given === LOCAL_OWNER || given.startsWith(SYSTEM_PREFIX))
    throw new NoUser(`the identity ${given} is the server's own`);
  return given;
}

/** What can be stored and told to a graph: no functions, no prototypes. */
function plain(returned: object): Record<string, unknown> {
  let text: string;
  try {
    text = JSON.stringify(returned);
  } catch (error) {
    throw new NoUser(`the user cannot be written as JSON: ${(error as Error).message}`);
  }
  if (text.length > MAX_USER_CHARACTERS) throw new NoUser(`the user is an object of ${text.length} characters`);
  return JSON.parse(text) as Record<string, unknown>;
}

function shownName({ display_name, identity }: ProjectUser): string {
  return INVISIBLE.test(display_name) ? identity : display_name.slice(0, MAX_IDENTITY);
}

function kindOf(given: unknown): PrincipalKind {
  return given === "agent" || given === "service" ? given : "user";
}

function texts(given: unknown): string[] {
  return Array.isArray(given) ? given.filter((one) => typeof one === "string") : [];
}

function nameOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
