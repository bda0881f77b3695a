import { sanitiseLine } from "./sanitise.ts";

const LONGEST = 120;

/** JSON as a shell takes it in one word; undefined where it is too long for a suggestion, or would not print as it is. */
export function shellJson(text: string): string | undefined {
  if (text.length > LONGEST || sanitiseLine(text) !== text) return undefined;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** An input to start a graph with: the first that its author would have tried, where that fits on a line. */
export function exampleInput(examples: readonly unknown[] = []): string {
  const first: string | undefined = JSON.stringify(examples[0]);
  return (first === undefined ? undefined : shellJson(first)) ?? "'{}'";
}
