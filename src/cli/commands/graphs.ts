import type { Command } from "commander";
import { formatLoadError, type LoadedGraph } from "../../graphs/graph-set.ts";
import type { Cli } from "../cli.ts";
import { CommandError } from "../command-error.ts";
import { EXIT } from "../exit-codes.ts";
import { count } from "../format.ts";
import { printList } from "../list-output.ts";
import { graphsPlace, loadLocalGraphs } from "../local-graphs.ts";
import { safeJson } from "../sanitise.ts";
import type { Column } from "../table.ts";

interface GraphsOptions {
  json?: boolean;
}

const COLUMNS: readonly Column<LoadedGraph>[] = [
  { name: "GRAPH", show: ({ graph_id }) => graph_id },
  { name: "FILE", show: ({ path }) => path },
  { name: "GUARDED", show: ({ guarded }) => (guarded ? "yes" : "no") },
  {
    name: "FINGERPRINT",
    show: ({ fingerprint }) => fingerprint.replace(/^sha256:/, "").slice(0, 12),
    value: ({ fingerprint }) => fingerprint,
  },
  { name: "DESCRIPTION", show: ({ description }) => description ?? "", shrinks: true },
];

/** `graphs`: what the workflow files or the project of this folder hold, and what is wrong with them. */
export function addGraphs(program: Command, cli: Cli): void {
  program
    .command("graphs")
    .description("load the workflow files or the langgraph.json here and list their graphs; no server is needed")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A file that does not load is one line with its file, line and cause, and ends the command with 1.
Piped, it prints: graph, file, guarded, fingerprint, description

Examples:
  $ holdpoint graphs
  $ HOLDPOINT_WORKFLOWS_DIR=other holdpoint graphs --json`,
    )
    .action(async ({ json }: GraphsOptions) => {
      const { terminal } = cli;
      const { graphs, errors } = await loadLocalGraphs(cli.config());
      const listed = [...graphs.values()];
      if (json === true) terminal.out(safeJson({ graphs: listed, errors }, 2));
      else printList(terminal, COLUMNS, listed, `no graphs in ${graphsPlace(cli.config())}`, undefined);
      if (errors.length === 0) return;
      const lines = errors.map((error) => `  ${formatLoadError(error)}`);
      throw new CommandError(
        EXIT.failed,
        [`${count(errors.length, "graph file")} cannot be loaded:`, ...lines].join("\n"),
      );
    });
}
