/** How long items stay of which nobody says it, and what reading does to them. */
export interface StoreTerms {
  /** Minutes after an item was last written or kept; null: for good. */
  readonly ttl_minutes: number | null;
  /** Whether reading an item keeps it, where the reader does not say. */
  readonly refresh_on_read: boolean;
}

/** Items stay, and those that have a time are kept by being read. */
export const DEFAULT_TERMS: StoreTerms = { ttl_minutes: null, refresh_on_read: true };

/** An item to write, with the time it gets where it does not say; null says that it stays. */
export function withTerms<Put extends { readonly ttl?: number | null | undefined }>(put: Put, terms: StoreTerms): Put {
  return put.ttl === undefined ? { ...put, ttl: terms.ttl_minutes } : put;
}
