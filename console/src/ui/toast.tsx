import { useEffect, useSyncExternalStore } from "react";

/** Something that is said in passing. */
interface Toast {
  id: number;
  text: string;
  tone: "plain" | "ok" | "bad";
}

const SHOWN_MS = 8_000;
let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

/** Says something in passing, to eyes and to screen readers. */
export function say(text: string, tone: Toast["tone"] = "plain"): void {
  last += 1;
  change([...toasts.slice(-3), { id: last, text, tone }]);
}

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where it is said: once on the page. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <ToastView key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastView({ toast }: { toast: Toast }) {
  const dismiss = () => change(toasts.filter(({ id }) => id !== toast.id));
  // biome-ignore lint/correctness/useExhaustiveDependencies: one timer for each toast
  useEffect(() => {
    const timer = setTimeout(dismiss, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast.id]);
  return (
    <div className={`toast ${toast.tone}`}>
      <span>{toast.text}</span>
      <button type="button" className="link" onClick={dismiss} aria-label="Dismiss">
        ✕
      </button>
    </div>
  );
}
