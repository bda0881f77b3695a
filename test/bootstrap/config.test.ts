import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { forgetSecrets, lendVariables, readConfig } from "../../src/config.ts";
import { VARIABLES } from "../../src/config-variables.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-config-"));
mkdirSync(join(folder, "project"));
writeFileSync(join(folder, "project", "langgraph.json"), '{"graphs": {}}');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// For every variable: values it takes and values it refuses.
const CASES: Record<string, { right: string[]; wrong: string[] }> = {
  PORT: {
    right: ["0", "8123", "65535", " 80 "],
    wrong: ["65536", "-1", "8123.5", "1e3", "0x50", "http", "80 81", "٣"],
  },
  HOST: {
    right: ["127.0.0.1", "0.0.0.0", "::", "::1", "localhost", "a.b-c.example"],
    wrong: ["http://x", "a b", "-", "a..b", "1.2.3.4:80", "a/b"],
  },
  HOLDPOINT_BUDGET_TENANT_PER_DAY: {
    right: ["cost:50", "tokens:2000000", "cost:0.5, tokens:10", "tokens:0"],
    wrong: [
      "50",
      "cost:-1",
      "cost:5,cost:6",
      "tokens:1.5",
      "euro:5",
      "cost:5;tokens:5",
      "cost:",
      "cost:1e9",
      "tokens:9999999999999999",
    ],
  },
  HOLDPOINT_BUDGET_GRAPH_PER_DAY: {
    right: ["refund-approval=cost:5", "a=cost:5,tokens:1; *=tokens:7"],
    wrong: ["cost:5", "a=5", "a=cost:5;a=cost:6", "=cost:5", "a=cost:5;", "a b=cost:5", "a=cost:5,b=cost:6"],
  },
  HOLDPOINT_METRICS_PORT: { right: ["0", "9464"], wrong: ["65536", "-1", "off", "9464/metrics"] },
  DATABASE_URL: {
    right: ["postgresql://u:p@h:5432/d", "postgres://h/d", "postgresql:///d?host=/tmp"],
    wrong: [
      "mysql://u:sesame@h/d",
      "postgresql://u:sesame@h",
      "localhost",
      "postgresql://u:sesame@h:99999999/d",
      "/tmp",
    ],
  },
  HOLDPOINT_DATABASE_DIRECT_URL: { right: ["postgresql://u:p@h/d"], wrong: ["http://u:sesame@h/d", "yes"] },
  "HOLDPOINT_DATABASE_<NAME>_URL": { right: ["postgresql://u:p@h/d"], wrong: ["sqlite://u:sesame@h/d", "yes"] },
  HOLDPOINT_DATABASE_POOL_SIZE: { right: ["2", "500"], wrong: ["1", "501", "ten"] },
  HOLDPOINT_DATABASE_PREPARE: { right: ["true", "false", "1", "0"], wrong: ["yes", "TRUE", "2"] },
  HOLDPOINT_DATA_DIR: { right: ["data", "/var/lib/x", "a b"], wrong: ["a\nb", "a\u0000b"] },
  HOLDPOINT_WORKFLOWS_DIR: { right: ["graphs"], wrong: ["a\tb"] },
  HOLDPOINT_PROJECT: { right: ["project", "project/langgraph.json"], wrong: ["a\tb"] },
  HOLDPOINT_AUTH: { right: ["./auth.ts:auth", "/srv/app/auth.ts"], wrong: ["./a\tb.ts"] },
  HOLDPOINT_POLICY_FILE: { right: ["policy.yaml", "/etc/holdpoint/policy.yaml"], wrong: ["a\tb"] },
  HOLDPOINT_ROLE: { right: ["all", "api", "worker"], wrong: ["both", "API", "api,worker"] },
  HOLDPOINT_WORKER_SLOTS: { right: ["1", "1000"], wrong: ["0", "1001", "2.5", "-3", "many"] },
  HOLDPOINT_GRAPH_CONCURRENCY: {
    right: ["refund-approval=2,*=50", "a=1", " a = 1 , b = 2 "],
    wrong: ["a", "a=0", "a=1,", "a=1,a=2", "a=-1", "a=1.5", "a b=1"],
  },
  HOLDPOINT_RUN_TIMEOUT_SECONDS: { right: ["*=3600", "a=60,*=5"], wrong: ["60", "a=0", "a=1.5", "a=1,a=2"] },
  HOLDPOINT_NODE_TIMEOUT_SECONDS: { right: ["60", "0.5"], wrong: ["0", "-1", "1m", "1e3"] },
  HOLDPOINT_LEASE_MS: { right: ["500", "10000"], wrong: ["499", "10s", "600001"] },
  HOLDPOINT_DRAIN_MS: { right: ["0", "3600000"], wrong: ["-1", "1m", "3600001"] },
  HOLDPOINT_COMPAT_SCALAR_RESUME: { right: ["true", "false"], wrong: ["on", "no"] },
  HOLDPOINT_COMPAT_HITL_ALIASES: { right: ["true", "false"], wrong: ["on", "no"] },
  HOLDPOINT_REVIEW_DUE_HOURS: { right: ["72", "0.5"], wrong: ["0", "3d", "-1", "NaN", "Infinity", "1e3", "87601"] },
  HOLDPOINT_MAX_BODY_BYTES: { right: ["1024", "4194304"], wrong: ["1023", "4MB", "1073741825"] },
  HOLDPOINT_CORS_ORIGINS: {
    right: [
      "*",
      "https://app.example.com",
      "http://localhost:3000/, https://[::1]:8443",
      "https://a:443, https://bücher.example",
    ],
    wrong: [
      "null",
      "app.example.com",
      "https://*.example.com",
      "https://a/b",
      "https://u:sesame@a",
      "*, https://a",
      ",",
      "file:///x",
      "https://a?b",
      "https://",
    ],
  },
  OPENAI_API_KEY: { right: ["sk-1"], wrong: ["sesame key", "sesamé"] },
  OPENAI_BASE_URL: {
    right: ["http://localhost:11434/v1/", "https://h/v1"],
    wrong: ["localhost:11434", "ftp://h", "h"],
  },
  HOLDPOINT_WEBHOOK_SECRETS: {
    right: [
      "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh",
      "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh, whsec_YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=",
    ],
    wrong: ["sesame", "whsec_sesame", "whsec_"],
  },
  HOLDPOINT_WEBHOOK_ALLOW: {
    right: ["localhost", "10.0.0.0/8, hooks.internal, ::1"],
    wrong: ["10.0.0.0/33", "a b", "http://localhost", ","],
  },
  HOLDPOINT_WEBHOOK_TIMEOUT_MS: { right: ["100", "300000"], wrong: ["99", "15s", "300001"] },
  HOLDPOINT_TOOL_ALLOW: {
    right: ["10.0.0.0/8, grafana.internal", "[::1]"],
    wrong: ["10.0.0.0/33", "https://grafana.internal", "*", ","],
  },
  HOLDPOINT_SEARCH: {
    right: ["brave", "tavily", "searxng:http://localhost:8080", "searxng:https://search.example.com/x"],
    wrong: ["google", "searxng", "searxng:localhost", "searxng:ftp://h", "searxng:https://u:sesame@h/", "Brave"],
  },
  HOLDPOINT_NOTIFY: {
    right: ["https://hooks.example.com/a", "mailto:ana@example.com, http://localhost:1/x"],
    wrong: ["ana@example.com", "mailto:ana", "https://u:sesame@h/", "slack", "https://h/,", ","],
  },
  HOLDPOINT_SEARCH_KEY: { right: ["BSA-abc"], wrong: ["a b", "a\nb"] },
  HOLDPOINT_REVIEW_WEBHOOKS: {
    right: ["https://h/x", "http://localhost:1/a, https://h/b?c=d"],
    wrong: ["h/x", "https://u:sesame@h/", "ftp://h", "https://h/,", ","],
  },
  HOLDPOINT_PUBLIC_URL: { right: ["https://holdpoint.example.com/"], wrong: ["holdpoint.example.com", "ws://h"] },
  HOLDPOINT_SMTP_URL: {
    right: ["smtp://h", "smtps://h:2465", "smtp://u%40x:p%2f@h:587?tls=required", "smtp://[::1]:25"],
    wrong: [
      "h:25",
      "smtp://",
      "http://u:sesame@h",
      "smtp://u@h",
      "smtp://u:sesame%@h",
      "smtp://h/x",
      "smtp://h?tls=no",
    ],
  },
  HOLDPOINT_SMTP_CA_FILE: { right: ["ca.pem", "/etc/ssl/ca.pem"], wrong: ["a\nb"] },
  HOLDPOINT_MAIL_FROM: {
    right: ["a@b", "Ana Ruiz <ana.ruiz@mail.example.com>", "<a@b.c>"],
    wrong: ["ana", "a@b\r\nBcc: c@d", "a@b, c@d", "Ana <a@b> x", "a b@c", "Ana\u202e <a@b>", '"x" <a@b>', "a..b@c"],
  },
  HOLDPOINT_MODEL_PRICES: {
    right: ["gpt-4.1-mini=0.4/1.6", "a=1/2/0.5, b/c:d=3/4"],
    wrong: ["gpt", "a=1", "a=1/-2", "a=1/2,a=3/4", "a=1/2,,b=1/2"],
  },
  HOLDPOINT_MODEL_FALLBACKS: {
    right: ["gpt-4.1", "a/b:c, gpt-4o"],
    wrong: ["a,,b", "a,a", "a b", "a=1", Array.from({ length: 11 }, (_, index) => `m${index}`).join(",")],
  },
  HOLDPOINT_MODEL_REQUESTS_PER_MINUTE: {
    right: ["gpt-4.1=500,*=60", "a/b:c=1"],
    wrong: ["500", "a=0", "a=1,a=2", "a=-1"],
  },
  HOLDPOINT_MODEL_TOKENS_PER_MINUTE: { right: ["*=200000", "a=999999999"], wrong: ["a=1e6", "a=1,", "a=1000000000"] },
  HOLDPOINT_MODEL_WINDOWS: { right: ["llama3:8b=8192"], wrong: ["*=8192", "8192", "a=0"] },
  HOLDPOINT_MODEL_CACHE_SECONDS: { right: ["0", "3600"], wrong: ["-1", "1.5", "1h", "31622401"] },
  HOLDPOINT_EMBEDDING_MODEL: {
    right: ["openai:text-embedding-3-small", "./src/embed.ts:embed", "openai:a/b:c"],
    wrong: ["text-embedding-3-small", ":a", "openai:", "openai:a\nb"],
  },
  HOLDPOINT_EMBEDDING_DIMS: { right: ["1", "1536", "16000"], wrong: ["0", "-1", "1e3", "16001", "many"] },
  HOLDPOINT_EMBEDDING_FIELDS: {
    right: ["$", "title, chapters[*].text", "a.b[0]"],
    wrong: ["a,,b", ",", "a\tb", "x".repeat(501), Array(101).fill("a").join(",")],
  },
  OPENAI_MODEL: { right: ["a/b:c", "my model"], wrong: ["a\u001bb"] },
  LOG_LEVEL: { right: ["trace", "silent"], wrong: ["verbose", "INFO", "30"] },
  HOLDPOINT_SERVER_URL: { right: ["http://localhost:8123"], wrong: ["localhost", "ws://h", "https://user:sesame@"] },
  HOLDPOINT_API_KEY: { right: ["hp_1"], wrong: ["sesame \nx"] },
  LANGGRAPH_SCHEMA_RESOLVE_TIMEOUT_MS: { right: ["100", "30000"], wrong: ["99", "30s", "-1", "600001"] },
  HOLDPOINT_TEST: { right: ["1"], wrong: ["yes"] },
  HOLDPOINT_FAILPOINT: { right: ["effect.intent_written", "a:3"], wrong: ["A", "a:0", "a:b", "a b", "a:1:2"] },
  HOLDPOINT_FAILPOINT_FILE: { right: ["/tmp/x"], wrong: ["a\nb"] },
  HOLDPOINT_TEST_SCALE: { right: ["1", "10"], wrong: ["0", "1.5", "1001"] },
};

const real = (name: string) => name.replace("<NAME>", "CHINOOK");

test("every variable of the table is tried here with right and wrong values", () => {
  expect(Object.keys(CASES).sort()).toEqual(VARIABLES.map(({ name }) => name).sort());
});

test.each(VARIABLES)(
  "$name takes its allowed values and refuses others in one line that shows no secret",
  ({ name, allowed }) => {
    const { right, wrong } = CASES[name]!;
    for (const value of right) expect(() => readConfig({ [real(name)]: value }, folder), value).not.toThrow();
    for (const value of wrong) {
      let message = "";
      try {
        readConfig({ [real(name)]: value }, folder);
      } catch (error) {
        message = error instanceof Error ? error.message : "";
      }
      expect(message, JSON.stringify(value)).toMatch(new RegExp(`^${real(name)} is .*; allowed is .*$`));
      expect(message).toContain(allowed);
      expect(message).not.toContain("sesam");
    }
  },
);

test("all that is wrong is told at once", () => {
  const read = () => readConfig({ PORT: "x", HOLDPOINT_ROLE: "boss" }, folder);
  expect(read).toThrow('PORT is "x"; allowed is a whole number from 0 to 65535\nHOLDPOINT_ROLE is "boss"');
  expect(read).toThrow(expect.objectContaining({ code: "configuration_invalid" }));
});

test("without an environment the defaults hold, and paths are absolute", () => {
  const config = readConfig({}, folder);
  expect(config).toMatchObject({
    port: 8123,
    isPortExplicit: false,
    host: "127.0.0.1",
    role: "all",
    workerSlots: 10,
    leaseMs: 10_000,
  });
  expect(config).toMatchObject({
    reviewDueHours: 72,
    maxBodyBytes: 4 * 1024 * 1024,
    compatScalarResume: true,
    warnings: [],
  });
  expect(config.databaseUrl).toBeUndefined();
  expect(config.dataDir).toBe(join(folder, ".holdpoint"));
  expect(config.workflowsDir).toBe(join(folder, "workflows"));
});

test("a variable set to nothing counts as not set, and an explicit default port is explicit", () => {
  expect(readConfig({ PORT: "", DATABASE_URL: "  " }, folder)).toMatchObject({
    isPortExplicit: false,
    databaseUrl: undefined,
  });
  expect(readConfig({ PORT: "8123" }, folder)).toMatchObject({ isPortExplicit: true, port: 8123 });
});

test("the environment wins over .env, and an error says which of them it is in", () => {
  const home = join(folder, "with-env");
  mkdirSync(home);
  writeFileSync(join(home, ".env"), 'PORT=9000\n# a comment\nOPENAI_MODEL="m 1"\nHOLDPOINT_ROLE=boss\n');
  expect(readConfig({ HOLDPOINT_ROLE: "api" }, home)).toMatchObject({ port: 9000, openaiModel: "m 1", role: "api" });
  expect(readConfig({ HOLDPOINT_ROLE: "api", PORT: "9001" }, home).port).toBe(9001);
  expect(() => readConfig({}, home)).toThrow('HOLDPOINT_ROLE is "boss" (in .env); allowed is one of all, api, worker');
});

test("a .env that is not a file is one clear line", () => {
  const home = join(folder, "with-folder");
  mkdirSync(join(home, ".env"), { recursive: true });
  chmodSync(home, 0o755);
  expect(() => readConfig({}, home)).toThrow(/^cannot read .*\.env: EISDIR/);
});

test("database ports are named in lower case, and the direct address is not one of them", () => {
  const config = readConfig(
    { HOLDPOINT_DATABASE_CRM_EU_URL: "postgresql://h/crm", HOLDPOINT_DATABASE_DIRECT_URL: "postgresql://h/d" },
    folder,
  );
  expect([...config.databasePorts]).toEqual([["crm_eu", "postgresql://h/crm"]]);
  expect(config.databaseDirectUrl).toBe("postgresql://h/d");
});

test("a variable that looks like ours and is not is worth a warning", () => {
  expect(readConfig({ HOLDPOINT_LEASEMS: "1" }, folder).warnings).toEqual([
    "HOLDPOINT_LEASEMS is not a variable of Holdpoint and has no effect",
  ]);
});

test("addresses and keys can be taken out of the environment once they are read", () => {
  const env = {
    DATABASE_URL: "a",
    HOLDPOINT_DATABASE_DIRECT_URL: "b",
    HOLDPOINT_DATABASE_CHINOOK_URL: "c",
    HOLDPOINT_API_KEY: "d",
    HOLDPOINT_ROLE: "api",
    PATH: "/bin",
  };
  forgetSecrets(env);
  expect(env).toEqual({ HOLDPOINT_ROLE: "api", PATH: "/bin" });
});

test("the project is the one named, or the one of the working directory where no workflows folder is named", () => {
  const here = join(folder, "with-project");
  mkdirSync(join(here, "workflows"), { recursive: true });
  writeFileSync(join(here, "langgraph.json"), '{"graphs": {"a": "./a.ts:a"}, "ui": {}}');
  const found = readConfig({}, here);
  expect(found.project).toMatchObject({ directory: here, graphs: [{ graph_id: "a", reference: "./a.ts:a" }] });
  expect(found.warnings).toEqual([
    "langgraph.json: ui has no effect: no bundles of components are served",
    `the graphs are those of ${join(here, "langgraph.json")}, and none of the folder ${join(here, "workflows")}; HOLDPOINT_WORKFLOWS_DIR alone would load that`,
  ]);
  expect(found.policyPlaces).toEqual([join(here, "policy.yaml")]);
  expect(readConfig({ HOLDPOINT_WORKFLOWS_DIR: "workflows" }, here).project).toBeUndefined();
  expect(readConfig({ HOLDPOINT_PROJECT: "project" }, folder).project?.graphs).toEqual([]);
  expect(readConfig({ HOLDPOINT_PROJECT: "project/langgraph.json" }, folder).project?.graphs).toEqual([]);
  expect(readConfig({}, folder).project).toBeUndefined();
  expect(() => readConfig({ HOLDPOINT_PROJECT: "nowhere" }, folder)).toThrow(/nowhere: it cannot be read/);
});

test("what a project says of the environment gives way to the environment, and what is ours is not lent to graphs", () => {
  const here = join(folder, "with-variables");
  mkdirSync(here);
  const env = {
    OPENAI_MODEL: "theirs",
    LOG_LEVEL: "warn",
    DATABASE_URL: "postgresql://h/d",
    HOLDPOINT_X: "1",
    A: "1",
    B: "2",
  };
  writeFileSync(join(here, "langgraph.json"), JSON.stringify({ graphs: {}, env }));
  writeFileSync(join(here, ".env"), "LOG_LEVEL=error\n");
  const config = readConfig({ OPENAI_MODEL: "ours" }, here);
  expect(config).toMatchObject({ openaiModel: "ours", logLevel: "warn", databaseUrl: "postgresql://h/d" });
  const lent: NodeJS.ProcessEnv = { A: "kept" };
  lendVariables(lent, config);
  expect(lent).toEqual({ A: "kept", B: "2", OPENAI_MODEL: "theirs", LOG_LEVEL: "warn" });
});

test("LANGGRAPH_CONFIG says what the assistants of a project start with, and means nothing without one", () => {
  const text = JSON.stringify({ a: { configurable: { model: "small" }, context: { tone: "dry" } }, b: {} });
  const given = readConfig({ HOLDPOINT_PROJECT: "project", LANGGRAPH_CONFIG: text }, folder).graphDefaults;
  expect(given.get("a")).toEqual({ config: { configurable: { model: "small" } }, context: { tone: "dry" } });
  expect(given.get("b")).toEqual({ config: {}, context: {} });
  expect(readConfig({ LANGGRAPH_CONFIG: "no JSON" }, folder).graphDefaults.size).toBe(0);
  for (const wrong of ["no JSON", "[]", '{"a": 1}', '{"a": {"configurable": 1}}'])
    expect(() => readConfig({ HOLDPOINT_PROJECT: "project", LANGGRAPH_CONFIG: wrong }, folder)).toThrow(
      /^LANGGRAPH_CONFIG must be JSON like/,
    );
});
