import { afterAll, expect, test } from "vitest";
import { importExport } from "../../src/graphs/import-file.ts";
import { parseReference } from "../../src/graphs/reference.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { createWorkflowFolder, virtualModules, type WorkflowFolder } from "../support/workflow-folder.ts";

const folders: WorkflowFolder[] = [];
afterAll(() => Promise.all(folders.map((folder) => folder.drop())));

async function take(source: string, name: string, timeoutMs = 60_000): Promise<unknown> {
  const folder = await createWorkflowFolder({ "auth.ts": source });
  folders.push(folder);
  return await importExport(name, { directory: folder.directory, virtualModules, timeoutMs });
}

async function refusal(source: string, name: string, timeoutMs?: number): Promise<string> {
  const error = await take(source, name, timeoutMs).catch((thrown: unknown) => thrown);
  if (!isHoldpointError(error)) throw error;
  expect(error.code).toBe("configuration_invalid");
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
  return error.message;
}

test.each([
  ["./auth.ts:auth", { file: "./auth.ts", export_name: "auth" }],
  ["./auth.ts", { file: "./auth.ts", export_name: "default" }],
  ["./a:b/auth.ts:$auth_1", { file: "./a:b/auth.ts", export_name: "$auth_1" }],
  ["./auth.ts:not a name", { file: "./auth.ts:not a name", export_name: "default" }],
])("%j names a file and an export", (reference, expected) => {
  expect(parseReference(reference)).toEqual(expected);
});

test("an export is taken by its name, the default one without a name, and a promise is waited for", async () => {
  const source = "export const auth = { a: 1 }; export const later = Promise.resolve('now'); export default () => 2;";
  await expect(take(source, "./auth.ts:auth")).resolves.toEqual({ a: 1 });
  await expect(take(source, "./auth.ts:later")).resolves.toBe("now");
  expect(await take(source, "./auth.ts")).toBeTypeOf("function");
});

test("the file gets the host's own library and modules", async () => {
  const source =
    'import { StateGraph } from "@langchain/langgraph"; import { review } from "holdpoint"; export default [StateGraph, review];';
  const { StateGraph } = await import("@langchain/langgraph");
  const { review } = await import("../../src/index.ts");
  expect(await take(source, "./auth.ts")).toEqual([StateGraph, review]);
});

test.each<[string, string, string, RegExp]>([
  ["is not there", "", "./nowhere.ts:auth", /^cannot load \.\/nowhere\.ts:auth: Cannot find module/],
  ["has no such export", "export const a = 1, b = 2;", "./auth.ts:auth", /has no export auth; it exports a, b$/],
  ["has no export at all", "", "./auth.ts", /has no export default; it exports nothing$/],
  ["throws", "throw new Error('no\\nkey');", "./auth.ts:auth", /^cannot load \.\/auth\.ts:auth: no$/],
  ["throws what is no error", "throw null;", "./auth.ts:auth", /: it threw null$/],
  ["is no TypeScript", "const = ;", "./auth.ts:auth", /^cannot load \.\/auth\.ts:auth: ParseError/],
  ["exports a rejected promise", "export const auth = Promise.reject(new Error('late'));", "./auth.ts:auth", /: late$/],
])("a file that %s is refused in one line that names it", async (_name, source, reference, expected) => {
  expect(await refusal(source, reference)).toMatch(expected);
});

test("a file that never ends loading, and a promise that never ends, are given up", async () => {
  expect(await refusal("await new Promise(() => {});", "./auth.ts:auth", 50)).toMatch(/not loaded within 50 ms/);
  expect(await refusal("export const auth = new Promise(() => {});", "./auth.ts:auth", 50)).toMatch(/pending after/);
});
