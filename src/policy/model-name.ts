/** What is said of a model, or of the longest name that its own begins with: `gpt-4.1` also means `gpt-4.1-2025-04-14`. */
export function longestMatch<Value>(values: ReadonlyMap<string, Value>, model: string): Value | undefined {
  const name = [...values.keys()]
    .filter((known) => model === known || model.startsWith(`${known}-`))
    .sort((a, b) => b.length - a.length)[0];
  return name === undefined ? undefined : values.get(name);
}
