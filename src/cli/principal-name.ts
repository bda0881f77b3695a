/** The id of a person as it may be written: ana, or @ana. */
export function principalName(text: string): string {
  return text.replace(/^@/, "");
}
