import { readStored, store } from "./stored.ts";

/** Light, dark, or as the system has it. */
export type Theme = "system" | "light" | "dark";

const NAME = "theme";

/** The chosen theme. */
export function currentTheme(): Theme {
  const stored = readStored(NAME);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Shows the chosen theme, or another one from now on. */
export function applyTheme(theme: Theme = currentTheme()): void {
  store(NAME, theme === "system" ? null : theme);
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
