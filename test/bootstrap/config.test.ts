import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { forgetSecrets, lendVariables, readConfig } from "../../src/config.ts";
import { VARIABLES } from "../../src/config-variables.ts";
import { CASES } from "./config-cases.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-config-"));
mkdirSync(join(folder, "project"));
writeFileSync(join(folder, "project", "langgraph.json"), '{"graphs": {}}');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
