import { relative, resolve } from "node:path";
import type { Command } from "commander";
import type { ReadPolicy } from "../../compose/policy-file.ts";
import { matchesGlob } from "../../policy/glob.ts";
import type { PolicyFile, PolicyRule } from "../../policy/review/policy-file.ts";
import { ruleMatches } from "../../policy/review/policy-match.ts";
import type { Cli } from "../cli.ts";
import { CommandError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { findReview } from "../find-review.ts";
import { count } from "../format.ts";
import { loadLocalGraphs } from "../local-graphs.ts";
import { thenWords, whenWords } from "../policy-words.ts";
import { safeJson, sanitiseLine } from "../sanitise.ts";

/** `policy`: what the policy file says. */
export function addPolicyCommands(program: Command, cli: Cli): void {
  const policy = program.command("policy").description("who decides which reviews, and until when").helpCommand(false);
  policy
    .command("check")
    .argument("[file]", "the policy file; the one a server here would read unless given")
    .description("check the policy file and say what its rules do; no server is needed")
    .option("--explain <review>", "say which rules are about a review, by the file as it is now")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Each fault is one line with its file, line, column and cause, and ends the command with 1.
Piped, it prints: rule, when, then, the graphs here that it is about

Examples:
  $ holdpoint policy check
  $ holdpoint policy check deploy/policy.yaml --json
  $ holdpoint policy check --explain b2ded39`,
    )
    .action(async (file: string | undefined, { explain, json }: { explain?: string; json?: boolean }) => {
      const read = await readPolicy(cli, file);
      if (read !== undefined) await refuseFaults(cli, read);
      const value: PolicyFile = read?.ok === true ? read.value : { defaults: {}, rules: [] };
      if (explain !== undefined) return await printExplanation(cli, value, explain, json === true);
      const graphs = value.rules.length === 0 ? [] : [...(await loadLocalGraphs(cli.config())).graphs.keys()];
      const rules = value.rules.map((rule) => ({ ...rule, graphs: graphs.filter((id) => isAbout(rule, id)) }));
      if (json === true) cli.terminal.out(safeJson({ file: read?.path ?? null, defaults: value.defaults, rules }, 2));
      else for (const line of lines(cli, read, value, rules)) cli.terminal.out(line);
    });
}

async function readPolicy(cli: Cli, file: string | undefined): Promise<ReadPolicy | undefined> {
  // Loaded only here: every other command starts without a parser of YAML.
  const { readPolicyAt, readPolicyFile } = await import("../../compose/policy-file.ts");
  return file === undefined ? await readPolicyFile(cli.config()) : await readPolicyAt(resolve(cli.terminal.cwd, file));
}

/** An open review keeps the policy it was opened under; this says what a question like it would be opened under now. */
async function printExplanation(cli: Cli, { rules }: PolicyFile, id: string, asJson: boolean): Promise<void> {
  const { graph_id, node, flavour = "", actions } = await findReview(cli.api(), id);
  const found = actions.map((action) => ({
    action: action.index,
    name: action.name,
    rules: rules.filter(({ match }) => ruleMatches(match, { graph_id, node, flavour, action })).map(({ name }) => name),
  }));
  if (asJson) cli.terminal.out(safeJson(found, 2));
  for (const { action, name, rules } of asJson ? [] : found) {
    const cells = [String(action), name, rules.length === 0 ? "no rule, the defaults" : rules.join(", ")].map(
      sanitiseLine,
    );
    cli.terminal.out(cli.terminal.isScreen ? `${cells[0]}. ${cells[1]}: ${cells[2]}` : cells.join("\t"));
  }
}

type Shown = PolicyRule & { graphs: string[] };

async function refuseFaults({ terminal }: Cli, read: ReadPolicy): Promise<void> {
  if (read.ok) return;
  const { formatFault } = await import("../../policy/review/policy-file.ts");
  const path = pathFrom(terminal.cwd, read.path);
  const found = read.faults.map((fault) => `  ${formatFault(path, fault)}`);
  throw new CommandError(EXIT.failed, [`${path} has ${count(found.length, "fault")}:`, ...found].join("\n"));
}

function isAbout({ match }: PolicyRule, graph_id: string): boolean {
  return match.graph?.some((glob) => matchesGlob(glob, graph_id)) ?? true;
}

function lines(cli: Cli, read: ReadPolicy | undefined, { defaults }: PolicyFile, rules: readonly Shown[]): string[] {
  const { terminal } = cli;
  const always = thenWords(defaults).map(sanitiseLine);
  if (!terminal.isScreen) {
    return [
      ...(always.length === 0 ? [] : [["defaults", "", always.join("; "), ""].join("\t")]),
      ...rules.map(({ name, match, set, graphs }) =>
        [name, whenWords(match).join("; "), thenWords(set).join("; "), graphs.join(", ")].map(sanitiseLine).join("\t"),
      ),
    ];
  }
  if (read === undefined) return [`no policy file; looked for ${cli.config().policyPlaces.join(" and ")}`];
  const { bold, dim, yellow } = terminal.colours;
  return [
    `${pathFrom(terminal.cwd, read.path)}: ${count(rules.length, "rule")}, nothing wrong`,
    ...(always.length === 0 ? [] : ["", bold("unless the graph says otherwise"), ...always.map((one) => `  ${one}`)]),
    ...rules.flatMap(({ name, match, set, graphs }) => [
      "",
      bold(sanitiseLine(name)),
      ...whenWords(match).map((one, index) => `  ${dim(index === 0 ? "when" : " and")}  ${sanitiseLine(one)}`),
      ...thenWords(set).map((one, index) => `  ${dim(index === 0 ? "then" : "    ")}  ${sanitiseLine(one)}`),
      graphs.length === 0
        ? `  ${yellow("no graph here is called so")}`
        : `  ${dim("here")}  ${graphs.map(sanitiseLine).join(", ")}`,
    ]),
  ];
}

function pathFrom(cwd: string, path: string): string {
  const shown = relative(cwd, path);
  return sanitiseLine(shown.startsWith("..") ? path : shown);
}
