import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { VARIABLES } from "../../src/config-variables.ts";
import { ERRORS } from "../../src/protocol/errors.ts";

const readme = readFileSync("README.md", "utf8");
const rows = readme.split("\n").filter((line) => line.startsWith("| `"));

test("the README's configuration table is the configuration", () => {
  const documented = rows.filter((row) => VARIABLES.some(({ name }) => row.startsWith(`| \`${name}\``)));
  const expected = VARIABLES.map(
    ({ name, description, allowed, fallback }) => `| \`${name}\` | ${description} | ${allowed} | ${fallback} |`,
  );
  expect(documented).toEqual(expected);
});

test("the README's error table is the error register", () => {
  const documented = rows
    .map((row) => /^\| `([a-z_]+)` \| (\d{3}) \| (yes|no) \| \S/.exec(row))
    .filter((match) => match !== null);
  const expected = Object.entries(ERRORS).map(([code, { status, retryable }]) => [
    code,
    String(status),
    retryable ? "yes" : "no",
  ]);
  expect(documented.map(([, ...cells]) => cells)).toEqual(expected);
});

test("the README's workflow is the one that is compiled", () => {
  const compiled = readFileSync("test/fixtures/readme/payout.ts", "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("//") && !line.startsWith("declare "))
    .join("\n")
    .replace(/\n{3,}/g, "\n\n");
  expect(readme).toContain(compiled.trim());
});
