import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRORS } from "../../src/protocol/errors.ts";
import { ROOT, read } from "./source.ts";

const [, section = ""] = read("README.md").split("## What goes wrong elsewhere, and here\n");
const rows = (section.split("\n## ")[0] ?? "")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| elsewhere"))
  .map((line) => line.slice(1, -1).split(" | "));
const named = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

test("the README says of twelve findings what becomes of them, in two columns each", () => {
  expect(rows).toHaveLength(12);
  for (const row of rows) {
    expect(row).toHaveLength(4);
    for (const cell of row.slice(1, 3)) expect(cell.trim()).toMatch(/^(prevented|refused|detected)\b/);
  }
});

test("the README's findings name codes that exist, and say one wherever something is refused", () => {
  // What becomes of a review without anybody being refused, and the switch of LangChain's middleware.
  const others = ["resume_failed", "context.interruptOn"];
  for (const cell of rows.flatMap((row) => row.slice(1, 3))) {
    if (cell.includes("refused")) expect(named(cell).filter((name) => name in ERRORS)).not.toEqual([]);
    expect(named(cell).filter((name) => !(name in ERRORS) && !others.includes(name))).toEqual([]);
  }
});

test("the README's findings name tests that exist", () => {
  for (const [, , , tests] of rows) {
    expect(named(tests)).not.toEqual([]);
    for (const file of named(tests)) expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
  }
});

test("the versions of what the findings are about are exact", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const all = Object.entries<string>({ ...dependencies, ...devDependencies });
  const pinned = all.filter(([name]) => name === "langchain" || name.startsWith("@langchain/"));
  expect(pinned.map(([name]) => name)).toContain("@langchain/langgraph");
  expect(pinned.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});
