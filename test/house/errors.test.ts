import { expect, test } from "vitest";
import { ERRORS } from "../../src/protocol/errors.ts";
import { codeOf, listFiles } from "./source.ts";

test.each(Object.keys(ERRORS))("the error %s is used", (code) => {
  const files = listFiles("src").filter((file) => file !== "src/protocol/errors.ts");
  expect(files.some((file) => codeOf(file).includes(`"${code}"`))).toBe(true);
});

test("the register is sorted, so that two changes of it do not collide", () => {
  expect(Object.keys(ERRORS)).toEqual(Object.keys(ERRORS).sort());
});
