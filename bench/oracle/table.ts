import { ABSENT, type Difference } from "./compare.ts";
import type { Explained } from "./explain.ts";

const SHOWN_CHARACTERS = 160;

/** A difference in three lines. */
export function shortly({ place, dev, ours }: Difference): string {
  return `${place}\n    dev   ${written(dev)}\n    ours  ${written(ours)}`;
}

/** The page that the repository keeps. */
export function differencesTable(explained: readonly Explained[]): string {
  const rows = explained.map(({ what, why, differences }) => {
    const [{ place, dev, ours }] = differences as [Difference, ...Difference[]];
    const member = /([\w<>-]+)$/.exec(place)?.[1] ?? "";
    return [what, cell(member, dev), cell(member, ours), why].join(" | ");
  });
  return `# Where Holdpoint answers otherwise than LangGraph's development server

Written by \`npm run oracle\`, which plays one client's script against \`@langchain/langgraph-api\` 1.5.1 and against
Holdpoint, with the same graphs. Each row shows one of the places where the difference was seen; everything else that the
script looks at is the same. A difference that is not explained here fails the command.

| what | dev server | Holdpoint | why ours is so |
|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}
`;
}

/** What is short says little without the name of its member. */
function cell(member: string, value: unknown): string {
  if (value === ABSENT) return `no \`${member}\``;
  return typeof value === "object" && value !== null ? code(value) : `\`${member}\`: ${code(value)}`;
}

function code(value: unknown): string {
  return `\`${written(value).replaceAll("|", "\\|").replaceAll("`", "'")}\``;
}

function written(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
