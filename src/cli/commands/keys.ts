import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { isPermission, PERMISSIONS, type Permission } from "../../protocol/principal.ts";
import type { Cli } from "../cli.ts";
import { CommandError, usageError } from "../command-error.ts";
import { confirm } from "../confirm.ts";
import { EXIT } from "../exit-codes.ts";
import { formatMoment, formatSince } from "../format.ts";
import { matchPrefix, parseId, shortId } from "../id-prefix.ts";
import { printList } from "../list-output.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import type { Column } from "../table.ts";

const keyWire = z.looseObject({
  api_key_id: z.string(),
  principal_id: z.string(),
  name: z.string(),
  permissions: z.array(z.string()),
  created_at: z.string(),
  last_used_at: z.string().nullish(),
  revoked_at: z.string().nullish(),
});
type Key = z.infer<typeof keyWire>;
const newKeyWire = keyWire.extend({ secret: z.string() });

interface CreateOptions {
  name: string;
  principal?: string;
  kind: string;
  displayName?: string;
  permission?: Permission[];
  json?: boolean;
}

const PAGE = 1000;

/** `keys`: who may use the API, and for what. */
export function addKeysCommands(program: Command, cli: Cli): void {
  const keys = program.command("keys").description("make, list and revoke API keys").helpCommand(false);
  addList(keys, cli);
  addCreate(keys, cli);
  addRevoke(keys, cli);
}

function addCreate(keys: Command, cli: Cli): void {
  keys
    .command("create")
    .description("make an API key; it is shown once")
    .requiredOption("--name <name>", "what it is for")
    .option("--principal <id>", "who acts with it; made if there is none (default: from the name)")
    .addOption(
      new Option("--kind <kind>", "what that principal is").choices(["service", "user", "agent"]).default("service"),
    )
    .option("--display-name <text>", "how people see it")
    .addOption(
      new Option(
        "-p, --permission <permission...>",
        `what the key may do: ${PERMISSIONS.join(", ")}, tool:<name>`,
      ).argParser(addPermission),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Without --permission a key can start, watch and cancel runs and read reviews; it cannot decide them.
A key of kind agent can never decide. tool:<name> lets its runs use tools that ask for the permission <name>.
Only the key itself goes to the output, so that it can be piped.

Examples:
  $ holdpoint keys create --name shop
  $ holdpoint keys create --name ada --kind user -p review:read -p review:decide
  $ holdpoint keys create --name cashier -p runs:create -p tool:refunds:pay
  $ HOLDPOINT_API_KEY=$(holdpoint keys create --name nightly) ./nightly.sh`,
    )
    .action((options: CreateOptions) => create(cli, options));
}

function addPermission(text: string, before: Permission[] | undefined): Permission[] {
  if (isPermission(text)) return [...(before ?? []), text];
  const allowed = `${PERMISSIONS.join(", ")}, or tool:<name> with lower case letters, digits, ":", ".", "_" and "-"`;
  throw new InvalidArgumentError(`Allowed choices are ${allowed}.`);
}

async function create(cli: Cli, options: CreateOptions): Promise<void> {
  const { terminal } = cli;
  const principal_id = options.principal ?? principalFrom(options.name);
  const { body: key } = await cli.api().request("POST", "/api-keys", newKeyWire, {
    body: {
      name: options.name,
      principal: {
        principal_id,
        kind: options.kind,
        ...(options.displayName === undefined ? {} : { display_name: options.displayName }),
      },
      ...(options.permission === undefined ? {} : { permissions: [...new Set(options.permission)] }),
    },
  });
  if (options.json === true) return terminal.out(safeJson(key, 2));
  terminal.note(
    `key ${shortId(key.api_key_id)} for ${sanitiseLine(key.principal_id)}: ${key.permissions.map(sanitiseLine).join(", ")}`,
  );
  terminal.note("this is the only time it is shown:");
  terminal.out(sanitiseLine(key.secret));
}

function addList(keys: Command, cli: Cli): void {
  keys
    .command("list", { isDefault: true })
    .description("list API keys, without their secrets")
    .option("--json [fields]", "print JSON, or only these fields of it (api_key_id,name,…)")
    .addHelpText(
      "after",
      "\nPiped, it prints: api_key_id, name, principal_id, permissions, created_at, last_used_at, revoked_at",
    )
    .action(async ({ json }: { json?: string | true }) => {
      const found = await readKeys(cli);
      printList(cli.terminal, columnsOf(cli, found), found, "no API keys", json);
    });
}

function addRevoke(keys: Command, cli: Cli): void {
  keys
    .command("revoke")
    .description("end an API key at once")
    .argument("<id>", "id of the key, or its first characters")
    .option("-y, --yes", "do not ask; needed where there is no terminal")
    .action(async (text: string, { yes }: { yes?: boolean }) => {
      const id = parseId(text, "key");
      const key = matchPrefix(
        id,
        await readKeys(cli),
        ({ api_key_id }) => api_key_id,
        ({ name }) => name,
        "key",
      );
      if (key === undefined)
        throw new CommandError(
          EXIT.failed,
          `there is no key whose id begins with ${id.prefix}: see "holdpoint keys list"`,
        );
      const line = `key ${shortId(key.api_key_id)} "${sanitiseLine(key.name)}" of ${sanitiseLine(key.principal_id)}`;
      if (key.revoked_at != null) return cli.terminal.out(`${line} was revoked ${formatMoment(key.revoked_at)}`);
      cli.terminal.out(line);
      await confirm(cli.terminal, "Revoke it?", yes === true);
      await cli.api().request("DELETE", `/api-keys/${encodeURIComponent(key.api_key_id)}`, z.unknown());
      cli.terminal.out(`${cli.terminal.colours.green("revoked")}: key ${shortId(key.api_key_id)}`);
    });
}

async function readKeys(cli: Cli): Promise<Key[]> {
  const keys: Key[] = [];
  // Bound: pages until one is not full.
  for (;;) {
    const query = { limit: PAGE, offset: keys.length };
    const { body } = await cli.api().request("GET", "/api-keys", z.array(keyWire), { query });
    keys.push(...body);
    if (body.length < PAGE) return keys;
  }
}

function columnsOf(cli: Cli, keys: readonly Key[]): Column<Key>[] {
  const ids = keys.map(({ api_key_id }) => api_key_id);
  const now = cli.terminal.now();
  const ago = (at: string | null | undefined) => (at == null ? "never" : `${formatSince(at, now)} ago`);
  return [
    { name: "KEY", show: ({ api_key_id }) => shortId(api_key_id, ids), value: ({ api_key_id }) => api_key_id },
    { name: "NAME", show: ({ name }) => name },
    { name: "PRINCIPAL", show: ({ principal_id }) => principal_id },
    {
      name: "MAY",
      show: ({ permissions }) => permissions.join(" "),
      value: ({ permissions }) => permissions.join(","),
      shrinks: true,
    },
    { name: "MADE", show: ({ created_at }) => formatMoment(created_at), value: ({ created_at }) => created_at },
    { name: "USED", show: ({ last_used_at }) => ago(last_used_at), value: ({ last_used_at }) => last_used_at ?? "" },
    {
      name: "REVOKED",
      show: ({ revoked_at }) => (revoked_at == null ? "" : ago(revoked_at)),
      value: ({ revoked_at }) => revoked_at ?? "",
    },
  ];
}

function principalFrom(name: string): string {
  const id = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._@-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 100);
  if (id === "") throw usageError("the name has no letters to make a principal's id from: give one with --principal");
  return id;
}
