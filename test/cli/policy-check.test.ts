import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { command } from "./holdpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-policy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const POLICY = `defaults:
  due: 3d
rules:
  - name: large refunds
    match:
      graph: refund-*
      tool: [pay, refund]
      arguments: [{ at: /amount, above: 1000, below: 5000 }, { at: /note, exists: true, matches: "*urgent*" }]
    set:
      risk: high
      candidates: { users: [user:ana], groups: [finance] }
      due: 4h
      reminders: [1h]
      escalations: [{ after: 0s }, { after: 90m, to: { groups: [leads] } }]
      on_timeout: reject
      require_comment: [reject]
  - match: { graph: "nowhere-\\u202e\\u001b[31m" }
    set: { answers: { approve: true, reject: { ok: false } }, allowed: [approve, reject] }
`;

function file(name: string, text: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const check = (...args: string[]) => command(["policy", "check", ...args], { env: {} });

test("says in plain words what each rule is about, what it does and which graphs here it meets", async () => {
  const { code, stdout } = await command(["policy", "check", file("good.yaml", POLICY)], { env: {}, isScreen: true });
  expect(code).toBe(0);
  expect(stdout).toContain("good.yaml: 2 rules, nothing wrong\n");
  expect(stdout).toContain(`rule 1 (large refunds)
  when  graph refund-*
   and  tool pay or refund
   and  /amount is above 1000 and is below 5000
   and  /note is there and looks like *urgent*
  then  risk high
        asks user:ana, group finance
        wants a comment to reject
        due after 4h
        reminds 1h before
        once it is due also asks those who administer reviews
        90m after that also asks group leads
        is rejected when nobody decides
  here  refund-approval
`);
  expect(stdout).toMatch(/offers at most approve, reject\n +approve means true\n +reject means \{"ok":false\}/);
  expect(stdout).toContain("no graph here is called so");
  expect(stdout).not.toMatch(/[\u001b\u202e]/);
});

test("piped it prints a line a rule, and as JSON what a server would read", async () => {
  const path = file("good.yaml", POLICY);
  const lines = (await check(path)).stdout.slice(0, -1).split("\n");
  expect(lines.map((line) => line.split("\t").length)).toEqual([4, 4, 4]);
  expect(lines[1]).toMatch(/^rule 1 \(large refunds\)\tgraph refund-\*; .*\trisk high; .*\trefund-approval$/);
  const { stdout } = await check(path, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    file: path,
    defaults: { due_after_seconds: 259_200 },
    rules: [{ name: "rule 1 (large refunds)", graphs: ["refund-approval"], set: { due_after_seconds: 14_400 } }, {}],
  });
});

test("ends with 1 and a line for each fault", async () => {
  const path = file(
    "bad.yaml",
    "defaults: { due: soon }\nrules:\n  - match: { graph: a }\n    set: { risk: extreme, dew: 1 }\n",
  );
  const { code, stdout, stderr } = await check(path);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr.split("\n")).toEqual([
    `holdpoint: ${path} has 3 faults:`,
    expect.stringContaining(`  ${path}:1:18: defaults.due: expected a span`),
    expect.stringContaining(`  ${path}:4:18: rules[0].set.risk: `),
    `  ${path}:4:27: rules[0].set: there is no setting "dew"`,
    "",
  ]);
});

test("a file that is none is one line", async () => {
  const binary = file("binary.yaml", Buffer.from([0xff, 0xfe, 0x00, 0x80]));
  expect(await check(binary)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("binary.yaml:1:1: is not UTF-8 text"),
  });
  expect(await check(folder)).toMatchObject({ code: 1, stderr: expect.stringContaining(":1:1: is not a file") });
  const missing = await check(join(folder, "missing.yaml"));
  expect(missing).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^holdpoint: cannot read the policy file .*missing\.yaml: ENOENT/),
  });
  expect(await check(file("large.yaml", `# ${"x".repeat(200_000)}`))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("larger than 128 KB"),
  });
});

test("without a name it looks where a server here would, and finding none is nothing wrong", async () => {
  const here = { HOLDPOINT_WORKFLOWS_DIR: join(folder, "workflows") };
  const place = join(folder, "policy.yaml");
  const none = await command(["policy", "check"], { env: here, isScreen: true });
  expect(none).toMatchObject({ code: 0, stdout: expect.stringContaining(`no policy file; looked for ${place} and `) });
  writeFileSync(place, "rules: []\n");
  const found = await command(["policy", "check"], { env: here, isScreen: true });
  expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining("policy.yaml: 0 rules, nothing wrong") });
  const named = await command(["policy", "check"], {
    env: { ...here, HOLDPOINT_POLICY_FILE: file("x.yaml", "x: 1\n") },
  });
  expect(named).toMatchObject({ code: 1, stderr: expect.stringContaining('x.yaml:1:1: there is no setting "x"') });
});
