// A browser may refuse to keep anything; then it is only forgotten.

/** What was kept under a name; null when there is nothing. */
export function readStored(name: string): string | null {
  try {
    return localStorage.getItem(`holdpoint.${name}`);
  } catch {
    return null;
  }
}

/** Keeps it; null forgets it. */
export function store(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`holdpoint.${name}`);
    else localStorage.setItem(`holdpoint.${name}`, value);
  } catch {
    // Full, or forbidden.
  }
}
