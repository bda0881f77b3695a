import { useState } from "react";
import { readStored, store } from "../app/stored.ts";
import type { SavedSearch } from "./filters.ts";

const STORED = "searches";
const MOST_KEPT = 50;

/** The searches that were kept in this browser, and how to keep or forget one. */
export function useSavedSearches() {
  const [saved, setSaved] = useState(readSaved);
  const keepAll = (all: SavedSearch[]) => {
    setSaved(all);
    store(STORED, JSON.stringify(all));
  };
  return {
    saved,
    keep: (search: string) => keepAll([...saved, { name: search, search }].slice(-MOST_KEPT)),
    forget: (one: SavedSearch) => keepAll(saved.filter((other) => other !== one)),
  };
}

function readSaved(): SavedSearch[] {
  try {
    const stored: unknown = JSON.parse(readStored(STORED) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return stored.filter((one): one is SavedSearch => typeof one?.search === "string" && typeof one?.name === "string");
  } catch {
    return [];
  }
}
