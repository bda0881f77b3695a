/** Text that is markup already. */
export interface Html {
  readonly markup: string;
}

type Part = string | number | Html | readonly Part[];

/** Markup out of markup and of texts, which are escaped. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: strings.reduce((text, next, at) => text + markupOf(parts[at - 1] ?? "") + next) };
}

function markupOf(part: Part): string {
  if (Array.isArray(part)) return part.map(markupOf).join("");
  if (typeof part === "object") return (part as Html).markup;
  return String(part).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
