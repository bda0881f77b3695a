import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { read } from "../house/source.ts";
import { MUTANTS } from "./mutants.ts";

it.each(MUTANTS)("the fault planted as '$name' still has its place", ({ file, tests, ...mutant }) => {
  for (const { find, replace } of [mutant, ...(mutant.also ?? [])]) {
    expect(read(file).split(find).length - 1).toBe(1);
    expect(replace).not.toBe(find);
  }
  for (const test of tests) expect(existsSync(test), test).toBe(true);
});

it("no two faults have one name", () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});
