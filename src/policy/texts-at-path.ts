type Step = { name: string } | { at: number } | { every: true } | { several: readonly (readonly Step[])[] };

const TEXTS = 1_000;
// A name, [1], [-1], [*], or {a,b.c}.
const PART = /\{([^{}]*)\}|\[(\*|-?\d{1,9})\]|[^.[\]{}]+/gy;

/**
 * The texts of a value at a path such as `title`, `chapters[*].content`, `authors[-1].name`, `*` (every member) and
 * `{title,author.name}`; `$`, or nothing, is all of it. What is no text is shown as JSON. Of very many the first. None
 * where there is nothing, or where the path is no path.
 */
export function textsAtPath(value: unknown, path: string): string[] {
  if (path === "" || path === "$") return [JSON.stringify(value, null, 2)];
  const steps = parse(path.replace(/^\$\.?/, ""));
  const texts: string[] = [];
  if (steps !== undefined) collect(value, steps, 0, texts);
  return texts;
}

function parse(path: string): Step[] | undefined {
  const steps: Step[] = [];
  PART.lastIndex = 0;
  for (let at = 0; at < path.length; ) {
    PART.lastIndex = at;
    const [part, several, index] = PART.exec(path) ?? [];
    if (part === undefined) return undefined;
    steps.push(stepOf(part, several, index));
    at += part.length;
    if (path[at] === ".") at += 1;
  }
  return steps;
}

function stepOf(part: string, several: string | undefined, index: string | undefined): Step {
  if (several !== undefined) {
    const names = several.split(",").map((path) => path.trim().split("."));
    return { several: names.map((path) => path.map((name) => ({ name }))) };
  }
  if (index !== undefined) return index === "*" ? { every: true } : { at: Number(index) };
  return part === "*" ? { every: true } : { name: part };
}

/** Bound: each step leads downwards, and no more than TEXTS are taken along. */
function collect(value: unknown, steps: readonly Step[], from: number, texts: string[]): void {
  if (value === null || value === undefined || texts.length >= TEXTS) return;
  const step = steps[from];
  if (step === undefined) {
    texts.push(typeof value === "object" ? JSON.stringify(value, null, 2) : String(value));
    return;
  }
  if (typeof value !== "object") return;
  if ("several" in step) {
    for (const path of step.several) collect(value, [...path, ...steps.slice(from + 1)], 0, texts);
    return;
  }
  if ("every" in step) {
    for (const member of Object.values(value)) {
      if (texts.length >= TEXTS) return;
      collect(member, steps, from + 1, texts);
    }
    return;
  }
  const isList = Array.isArray(value);
  if (isList !== "at" in step) return;
  const name = "name" in step ? step.name : step.at < 0 ? (value as unknown[]).length + step.at : step.at;
  if (Object.hasOwn(value, name)) collect((value as Record<PropertyKey, unknown>)[name], steps, from + 1, texts);
}
