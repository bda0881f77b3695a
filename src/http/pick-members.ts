/** Of each item only the members that were asked for; all where nothing was. */
export function pickMembers<Item extends object>(
  items: readonly Item[],
  members: readonly (keyof Item)[] | null | undefined,
): readonly Partial<Item>[] {
  if (members == null || members.length === 0) return items;
  const wanted = new Set<PropertyKey>(members);
  return items.map(
    (item) => Object.fromEntries(Object.entries(item).filter(([name]) => wanted.has(name))) as Partial<Item>,
  );
}
