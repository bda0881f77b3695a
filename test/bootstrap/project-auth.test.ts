import { afterAll, expect, test } from "vitest";
import { openAuth } from "../../src/compose/project-auth.ts";
import { lendVariables, readConfig } from "../../src/config.ts";
import { createWorkflowFolder, type WorkflowFolder } from "../support/workflow-folder.ts";

const folders: WorkflowFolder[] = [];
afterAll(() => Promise.all(folders.map((folder) => folder.drop())));

const GOOD = 'export const auth = { "~handlerCache": { authenticate: () => "ana" } };';

async function open(files: Record<string, string>, env: Record<string, string> = {}) {
  const folder = await createWorkflowFolder(files);
  folders.push(folder);
  return await openAuth(readConfig(env, folder.directory));
}

test("without an Auth there is none, and with one it is asked", async () => {
  expect(await open({ "auth.ts": GOOD })).toBeUndefined();
  const auth = await open({ "auth.ts": GOOD }, { HOLDPOINT_AUTH: "./auth.ts:auth" });
  expect(await auth?.authenticate(new Request("http://localhost/"))).toBe("ana");
});

test("a project names its Auth in langgraph.json, and the environment another one", async () => {
  const files = {
    "auth.ts": GOOD,
    "other.ts": GOOD.replace("ana", "bo").replace("const auth =", "default"),
    "agent.ts": "",
    "langgraph.json": JSON.stringify({ graphs: { agent: "./agent.ts:graph" }, auth: { path: "./auth.ts:auth" } }),
  };
  const request = new Request("http://localhost/");
  expect(await (await open(files))?.authenticate(request)).toBe("ana");
  expect(await (await open(files, { HOLDPOINT_AUTH: "other.ts" }))?.authenticate(request)).toBe("bo");
});

test("the graphs of a project with an Auth see that there is one, unless they are told something else", () => {
  const env: NodeJS.ProcessEnv = {};
  const project = (auth: { path: string } | undefined) => ({ project: { env: {}, auth } }) as never;
  lendVariables(env, project(undefined));
  expect(env).toEqual({});
  lendVariables(env, project({ path: "./auth.ts:auth" }));
  expect(env).toEqual({ LANGGRAPH_AUTH: '{"path":"./auth.ts:auth"}' });
  lendVariables(env, project({ path: "./other.ts:auth" }));
  expect(env["LANGGRAPH_AUTH"]).toContain("./auth.ts:auth");
});

test.each<[string, string, RegExp]>([
  ["is not there", "./nowhere.ts:auth", /cannot load \.\/nowhere\.ts:auth/],
  ["has no such export", "./auth.ts:other", /has no export other/],
  ["throws", "./throws.ts", /cannot load \.\/throws\.ts: no secret/],
  ["exports no Auth", "./graph.ts:auth", /the Auth of \.\/graph\.ts:auth is no Auth/],
  ["lets everybody in", "./open.ts:auth", /the Auth of \.\/open\.ts:auth has no authenticate handler/],
])("a server whose Auth %s does not start, rather than start open", async (_name, reference, message) => {
  const files = {
    "auth.ts": GOOD,
    "throws.ts": "throw new Error('no secret');",
    "graph.ts": "export const auth = { invoke() {} };",
    "open.ts": 'export const auth = { "~handlerCache": { callbacks: { "*": () => true } } };',
  };
  await expect(open(files, { HOLDPOINT_AUTH: reference })).rejects.toMatchObject({
    code: "configuration_invalid",
    message: expect.stringMatching(message),
  });
});
