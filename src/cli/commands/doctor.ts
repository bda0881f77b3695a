import type { Command } from "commander";
import { type Check, type Finding, installationChecks } from "../checks.ts";
import type { Cli } from "../cli.ts";
import { CommandError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { count } from "../format.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";
import { pad } from "../text-width.ts";

interface Diagnosis extends Finding {
  check: string;
}

/** `doctor`: whether this installation can work, and what to do where it cannot. */
export function addDoctor(program: Command, cli: Cli): void {
  program
    .command("doctor")
    .description("check this installation; each problem comes with what to do")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nEnds with 1 when there is a problem. Piped, it prints: check, ok or problem, what was found, what to do",
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { terminal } = cli;
      const found: Diagnosis[] = [];
      for (const check of installationChecks(cli)) {
        const diagnosis = { check: check.name, ...(await examine(check)) };
        found.push(diagnosis);
        if (json !== true) for (const line of lines(cli, diagnosis)) terminal.out(line);
      }
      if (json === true) terminal.out(safeJson(found, 2));
      const problems = found.filter(({ ok }) => !ok).length;
      if (problems > 0) throw new CommandError(EXIT.failed, count(problems, "problem"));
    });
}

async function examine(check: Check): Promise<Finding> {
  try {
    return await check.examine();
  } catch (error) {
    // What is thrown says itself what to do, as all our errors do.
    return { ok: false, found: error instanceof Error ? error.message : String(error) };
  }
}

const NAME_WIDTH = 13;

function lines({ terminal }: Cli, { check, ok, found, advice }: Diagnosis): string[] {
  const { green, red, dim } = terminal.colours;
  const [first = "", ...rest] = found.split("\n").map(sanitiseLine);
  if (!terminal.isScreen)
    return [[check, ok ? "ok" : "problem", [first, ...rest].join("; "), sanitiseLine(advice ?? "")].join("\t")];
  const indent = " ".repeat(NAME_WIDTH + 4);
  return [
    `${ok ? green("✓") : red("✗")} ${pad(check, NAME_WIDTH)}  ${first}`,
    ...rest.map((line) => indent + line),
    ...(advice === undefined ? [] : [`${indent}${ok ? dim(sanitiseLine(advice)) : sanitiseLine(advice)}`]),
  ];
}
