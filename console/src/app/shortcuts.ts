import { useEffect, useRef, useSyncExternalStore } from "react";
import { readStored, store } from "./stored.ts";

/** A key that does something on the page that is shown. */
export interface Shortcut {
  /** One key ("j", "?", "Escape"), two after each other ("g i"), or with the command key ("mod+Enter"). */
  keys: string;
  label: string;
  /** The heading it stands under in the help. */
  group: string;
  run: () => void;
  /** Known and shown, but for now it does nothing. */
  isOff?: boolean;
}

const SEQUENCE_MS = 1_000;
const STORED = "shortcuts";

const active = new Map<symbol, Shortcut>();
const listeners = new Set<() => void>();
let snapshot: readonly Shortcut[] = [];
let first: { key: string; at: number } | undefined;
let areOn = readStored(STORED) !== "off";

/** Registers shortcuts while the component is shown. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const shape = shortcuts.map(({ keys, label, isOff }) => `${keys} ${label} ${isOff === true}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is registered anew only when it looks different
  useEffect(() => {
    const ids = latest.current.map((shortcut, index) => {
      const id = Symbol(shortcut.keys);
      active.set(id, { ...shortcut, run: () => latest.current[index]?.run() });
      return id;
    });
    changed();
    return () => {
      for (const id of ids) active.delete(id);
      changed();
    };
  }, [shape]);
}

/** Everything that is registered now. */
export function useActiveShortcuts(): readonly Shortcut[] {
  return useSyncExternalStore(subscribe, () => snapshot);
}

/** Whether single keys do anything, and how to change that. */
export function useSingleKeys(): [boolean, (on: boolean) => void] {
  const isOn = useSyncExternalStore(subscribe, () => areOn);
  const set = (on: boolean) => {
    areOn = on;
    store(STORED, on ? null : "off");
    changed();
  };
  return [isOn, set];
}

/** Listens to the keyboard; once, for the whole page. */
export function useKeyboard(): void {
  useEffect(() => {
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const isCommand = event.metaKey || event.ctrlKey;
  if (isCommand && !event.altKey) {
    fire(event, `mod+${event.key}`);
    return;
  }
  if (event.altKey || (event.key !== "Escape" && (!areOn || isTyping(event.target)))) return;
  // A dialog has the keyboard for itself.
  if (document.querySelector("dialog[open]") !== null) return;
  const now = performance.now();
  const sequence = first !== undefined && now - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : undefined;
  first = { key: event.key, at: now };
  if (sequence !== undefined && fire(event, sequence)) return;
  fire(event, event.key);
}

function fire(event: KeyboardEvent, keys: string): boolean {
  // What was registered last belongs to what is on top.
  const found = [...active.values()].reverse().find((shortcut) => shortcut.keys === keys && shortcut.isOff !== true);
  if (found === undefined) return false;
  event.preventDefault();
  first = undefined;
  found.run();
  return true;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio|button|submit)$/.test(target.type);
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed(): void {
  snapshot = [...active.values()];
  for (const listener of listeners) listener();
}
