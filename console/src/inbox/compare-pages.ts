/** One page of a list, in its order. */
export interface PageOfIds {
  readonly ids: readonly string[];
  /** There are more behind it. */
  readonly left: boolean;
}

/**
 * What has changed between the page that is shown and the one there is now. Who only slid over the end of the page is neither
 * gone nor new: behind the last row that both have, a page with more behind it says nothing.
 */
export function comparePages(shown: PageOfIds, now: PageOfIds): { gone: ReadonlySet<string>; fresh: number } {
  const isOther = now.ids.length > 0 && !now.ids.some((id) => shown.ids.includes(id));
  return {
    gone: new Set(onlyIn(shown.ids, now)),
    fresh: isOther ? now.ids.length : onlyIn(now.ids, shown).length,
  };
}

/** The ids that the other page would hold if they were in its list. */
function onlyIn(ids: readonly string[], other: PageOfIds): string[] {
  const others = new Set(other.ids);
  const last = other.left ? ids.findLastIndex((id) => others.has(id)) : ids.length - 1;
  return ids.slice(0, last + 1).filter((id) => !others.has(id));
}
