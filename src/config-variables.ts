import { MODEL_FIELDS } from "./config-model-variables.ts";
import { TOOL_FIELDS } from "./config-tool-variables.ts";
import * as values from "./config-values.ts";
import { field } from "./config-values.ts";
import { ALLOW_NONE } from "./policy/private-address.ts";

/** The variables by the name their value has in the configuration. */
export const FIELDS = {
  port: field(
    "PORT",
    values.wholeNumber(0, 65_535),
    8123,
    "Where the server listens. A port asked for and taken is an error.",
    "8123, or the next free one",
  ),
  host: field(
    "HOST",
    values.address(),
    "127.0.0.1",
    "Address to listen on. Any but a loopback address needs an API key to exist, or `HOLDPOINT_AUTH`.",
  ),
  metricsPort: field(
    "HOLDPOINT_METRICS_PORT",
    values.wholeNumber(0, 65_535),
    undefined,
    "A port for `/metrics`, `/healthz` and `/readyz` alone, also of a process that answers nothing else; 0 is any free one.",
    "none",
  ),
  databaseUrl: field(
    "DATABASE_URL",
    values.postgresAddress(),
    undefined,
    "A PostgreSQL 15 or newer to use.",
    "the embedded PostgreSQL",
  ),
  databaseDirectUrl: field(
    "HOLDPOINT_DATABASE_DIRECT_URL",
    values.postgresAddress(),
    undefined,
    "The same database past a pooler such as PgBouncer, for LISTEN and migrations.",
    "`DATABASE_URL`",
  ),
  databasePoolSize: field(
    "HOLDPOINT_DATABASE_POOL_SIZE",
    values.wholeNumber(2, 500),
    10,
    "Connections at most, per process.",
  ),
  databasePrepare: field(
    "HOLDPOINT_DATABASE_PREPARE",
    values.yesOrNo(),
    true,
    "Prepare statements; false behind a pooler that cannot keep them.",
  ),
  dataDir: field(
    "HOLDPOINT_DATA_DIR",
    values.folder(),
    ".holdpoint",
    "Where the embedded database and this installation's files are.",
  ),
  workflowsDir: field("HOLDPOINT_WORKFLOWS_DIR", values.folder(), "workflows", "Where the graph files are."),
  projectFile: field(
    "HOLDPOINT_PROJECT",
    values.folder(),
    undefined,
    "A `langgraph.json`, or the folder it is in: its graphs are loaded instead of the workflows folder's.",
    "`langgraph.json` in the working directory, where there is one and no workflows folder is set",
  ),
  policyFile: field(
    "HOLDPOINT_POLICY_FILE",
    values.folder(),
    undefined,
    "Who decides which reviews, until when, and what happens otherwise.",
    "`policy.yaml` beside the workflows folder or in the working directory, where there is one",
  ),
  auth: field(
    "HOLDPOINT_AUTH",
    values.pattern(/^[^\u0000-\u001f\u007f]+$/, "a file and its export, like ./auth.ts:auth"),
    undefined,
    "The `Auth` of `@langchain/langgraph-sdk/auth` that says who the users are and what they may see; without a name the default export.",
    "`auth.path` of `langgraph.json`",
  ),
  role: field(
    "HOLDPOINT_ROLE",
    values.oneOf("all", "api", "worker"),
    "all",
    "What this process does: answer requests, execute runs, or both.",
  ),
  workerSlots: field(
    "HOLDPOINT_WORKER_SLOTS",
    values.wholeNumber(1, 1000),
    10,
    "Runs that execute at the same time, per process.",
  ),
  graphConcurrency: field(
    "HOLDPOINT_GRAPH_CONCURRENCY",
    values.limits(),
    new Map() as ReadonlyMap<string, number>,
    "Runs of a graph that execute at the same time, over all processes; `*` is every other graph, each for itself. Give every worker the same.",
    "no limit",
  ),
  runTimeoutSeconds: field(
    "HOLDPOINT_RUN_TIMEOUT_SECONDS",
    values.limits(),
    new Map() as ReadonlyMap<string, number>,
    "How long a run of a graph may execute that does not say so itself, over all its attempts; `*` is every other graph.",
    "no limit",
  ),
  nodeTimeoutSeconds: field(
    "HOLDPOINT_NODE_TIMEOUT_SECONDS",
    values.decimal(0.001, 31_622_400),
    undefined,
    "How long a node may take each time it is tried, where the graph does not say so itself. A subgraph is a node of its graph.",
    "no limit",
  ),
  leaseMs: field(
    "HOLDPOINT_LEASE_MS",
    values.wholeNumber(500, 600_000),
    10_000,
    "How long a worker that died keeps its threads.",
  ),
  drainMs: field(
    "HOLDPOINT_DRAIN_MS",
    values.wholeNumber(0, 3_600_000),
    10_000,
    "How long a stopping process waits for its runs before it gives them back.",
  ),
  compatScalarResume: field(
    "HOLDPOINT_COMPAT_SCALAR_RESUME",
    values.yesOrNo(),
    true,
    "Take a bare value as the answer to the only open review of an unguarded graph.",
  ),
  compatHitlAliases: field(
    "HOLDPOINT_COMPAT_HITL_ALIASES",
    values.yesOrNo(),
    true,
    "Tell clients of what LangChain.js asks in snake_case too, so that Agent Chat UI and Agent Inbox show its buttons.",
  ),
  reviewDueHours: field(
    "HOLDPOINT_REVIEW_DUE_HOURS",
    values.decimal(0.01, 87_600),
    72,
    "When a review is due that does not say so itself.",
  ),
  maxBodyBytes: field(
    "HOLDPOINT_MAX_BODY_BYTES",
    values.wholeNumber(1024, 1_073_741_824),
    4_194_304,
    "The largest request body that is read.",
  ),
  corsOrigins: field(
    "HOLDPOINT_CORS_ORIGINS",
    values.origins(),
    new Set() as ReadonlySet<string>,
    "Other origins whose pages may use the API from a browser, each with a key of its own; cookies are never taken from them.",
    "none",
  ),
  webhookSecrets: field(
    "HOLDPOINT_WEBHOOK_SECRETS",
    values.webhookSecrets(),
    [],
    "What webhooks are signed with; several while one takes the place of another.",
    "unsigned",
  ),
  webhookAllow: field(
    "HOLDPOINT_WEBHOOK_ALLOW",
    values.hostList(),
    ALLOW_NONE,
    "Where webhooks may go although it is not on the internet.",
    "",
  ),
  webhookTimeoutMs: field(
    "HOLDPOINT_WEBHOOK_TIMEOUT_MS",
    values.wholeNumber(100, 300_000),
    15_000,
    "How long a webhook has to answer.",
  ),
  ...TOOL_FIELDS,
  reviewWebhooks: field(
    "HOLDPOINT_REVIEW_WEBHOOKS",
    values.webAddresses(),
    [],
    "Webhooks that are told what happens to every review, beside those its policy names. The last process to start says it for all.",
    "",
  ),
  publicUrl: field(
    "HOLDPOINT_PUBLIC_URL",
    values.webAddress(),
    undefined,
    "Where people open this server: what links in webhooks and mails begin with.",
    "the server's own address",
  ),
  smtpServer: field(
    "HOLDPOINT_SMTP_URL",
    values.mailServer(),
    undefined,
    "The server that takes mails about reviews; `?tls=required` where it has to be encrypted, which it has to be with a password.",
    "",
  ),
  smtpCaFile: field(
    "HOLDPOINT_SMTP_CA_FILE",
    values.folder(),
    undefined,
    "A file with the certificates (PEM) that sign the mail server's, where it is none that Node.js knows.",
    "",
  ),
  mailFrom: field("HOLDPOINT_MAIL_FROM", values.mailbox(), undefined, "Who they are from.", ""),
  ...MODEL_FIELDS,
  logLevel: field(
    "LOG_LEVEL",
    values.oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    "info",
    "What is written to the log.",
  ),
  serverUrl: field(
    "HOLDPOINT_SERVER_URL",
    values.webAddress(),
    undefined,
    "The server that the command line talks to.",
    "the one of `.holdpoint/server.json`",
  ),
  apiKey: field("HOLDPOINT_API_KEY", values.secret(), undefined, "The key it sends.", "the one of `.holdpoint/`"),
  schemaTimeoutMs: field(
    "LANGGRAPH_SCHEMA_RESOLVE_TIMEOUT_MS",
    values.wholeNumber(100, 600_000),
    30_000,
    "How long the types of a graph may be read whose state has no schema at run time.",
  ),
  isTest: field(
    "HOLDPOINT_TEST",
    values.yesOrNo(),
    false,
    "For tests, on a database whose name ends in `_test`: allows failpoints, and empties it for `POST /internal/truncate`.",
  ),
  failpoint: field(
    "HOLDPOINT_FAILPOINT",
    values.pattern(/^[a-z][a-z0-9_.]*(:[1-9]\d{0,5})?$/, "a name, or name:n for the n-th time"),
    undefined,
    "For tests: where this process kills itself.",
  ),
  failpointFile: field(
    "HOLDPOINT_FAILPOINT_FILE",
    values.folder(),
    undefined,
    "For tests: the file that gets the failpoint's name first.",
  ),
  testScale: field(
    "HOLDPOINT_TEST_SCALE",
    values.wholeNumber(1, 1000),
    1,
    "For tests: how many times larger the load is.",
  ),
};

/** One variable per database port: HOLDPOINT_DATABASE_CHINOOK_URL is database("chinook"). */
export const PORT_VARIABLE = /^HOLDPOINT_DATABASE_([A-Z][A-Z0-9_]*)_URL$/;
const PORT_ROW = {
  name: "HOLDPOINT_DATABASE_<NAME>_URL",
  fallback: "",
  allowed: values.postgresAddress().allowed,
  description: 'A database that workflows reach as `database("<name>")`, under its own login role.',
};

/** One row of the table of variables. */
export interface VariableRow {
  name: string;
  fallback: string;
  allowed: string;
  description: string;
}

/** Every variable Holdpoint reads. The README shows this table, and a test compares them. */
export const VARIABLES: readonly VariableRow[] = [
  ...Object.values(FIELDS).map(({ name, fallbackText, allowed, description }) => ({
    name,
    fallback: fallbackText,
    allowed,
    description,
  })),
  PORT_ROW,
];
