const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/** The keys that stand more than once in one object of a JSON text, which JSON.parse would take the last of silently. */
export function duplicateKeys(json: string): string[] {
  const open: (Set<string> | undefined)[] = [];
  const twice = new Set<string>();
  let last = "";
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token !== ":") last = token;
    else {
      const key = JSON.parse(last) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) twice.add(key);
      keys?.add(key);
    }
  }
  return [...twice];
}
