import { formatBytes } from "../ui/format.ts";
import { Text } from "../ui/text.tsx";

/** Any value as JSON text; what is long is cut and says by how much. */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section aria-label={label} tabIndex={0} className="run-json">
      <pre>
        <Text text={JSON.stringify(value, null, 2) ?? "nothing"} />
      </pre>
    </section>
  );
}

/** A value that may have been too long to be sent along. */
export function SizedJson({ value, bytes, label }: { value: unknown; bytes: number; label: string }) {
  if (value === null && bytes > 4) return <p className="muted">{formatBytes(bytes)}, too long to be shown here.</p>;
  return <JsonView value={value} label={label} />;
}

/** A value in one line, for a summary: the words of it, without its punctuation. */
export function summaryOf(value: unknown, most = 240): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return clip(value, most);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return clip(value.map((one) => summaryOf(one, 80)).join(", "), most);
  const parts: string[] = [];
  let length = 0;
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null || inner === "") continue;
    const text = `${key}: ${typeof inner === "object" ? clip(JSON.stringify(inner), 80) : clip(String(inner), 160)}`;
    parts.push(text);
    length += text.length;
    if (length > most) break;
  }
  return clip(parts.join(" · "), most);
}

/** Where there is one line only, a line end is a space; everything else that hides is still shown as its code. */
function clip(text: string, most: number): string {
  const line = text.slice(0, most + 1).replaceAll(/[ \t\r\n]+/g, " ");
  return text.length > most ? `${line.slice(0, most)}…` : line;
}
