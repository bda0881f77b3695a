import type { Client } from "@langchain/langgraph-sdk";
import { Auth, HTTPException } from "@langchain/langgraph-sdk/auth";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AuthScene, openAuthScene, shown, as as shows } from "./auth-scene.ts";

/** What a user's `rule` says is done to what they ask of the store. */
function dealWith({ user, value, action }: { user: { identity: string }; value: unknown; action: string }): unknown {
  const asked = value as { namespace?: string[] | null; value?: Record<string, unknown> };
  switch ((user as { rule?: string }).rule) {
    case "own":
      // As the documentation has it: everybody below their own name, whatever they ask for.
      asked.namespace = [user.identity, ...(asked.namespace ?? [])];
      return undefined;
    case "checked":
      if (!Array.isArray(asked.namespace)) throw new Error("a namespace is a list");
      if (!asked.namespace.includes(user.identity)) throw new HTTPException(403, { message: "not yours" });
      return true;
    case "fields":
      if (action === "put") asked.value = { ...asked.value, owner: user.identity };
      return { owner: user.identity };
    case "names":
      return { namespace: { $contains: user.identity } };
    case "spoils":
      asked.namespace = "everything" as never;
      return undefined;
  }
  return false;
}

const ruled = new Auth()
  .authenticate((request) => shown(request) as string)
  .on("store", (asked) => dealWith(asked) as never);

let scene: AuthScene;
beforeAll(async () => {
  scene = await openAuthScene(ruled);
});
afterAll(() => scene.close());

const of = (identity: string, rule: string): Client => scene.client_of(shows({ identity, permissions: [], rule }));

it("lets a handler put everybody below a name of their own", async () => {
  const [ana, bo] = [of("ana", "own"), of("bo", "own")];
  await ana.store.putItem(["notes"], "one", { text: "of ana" });
  await bo.store.putItem(["notes"], "one", { text: "of bo" });
  expect((await ana.store.getItem(["notes"], "one"))?.value).toEqual({ text: "of ana" });
  expect((await bo.store.searchItems(["notes"])).items.map(({ value }) => value)).toEqual([{ text: "of bo" }]);
  expect((await bo.store.listNamespaces({ prefix: ["notes"] })).namespaces).toEqual([["bo", "notes"]]);
  // Neither by a longer name nor by a shorter one.
  expect(await bo.store.getItem(["ana", "notes"], "one")).toBeNull();
  expect((await bo.store.searchItems([])).items).toHaveLength(1);
  await bo.store.deleteItem(["notes"], "one");
  expect((await ana.store.getItem(["notes"], "one"))?.value).toEqual({ text: "of ana" });
});

it("shows a handler the namespace as the list that it is, and says what the handler says", async () => {
  const carl = of("carl", "checked");
  await carl.store.putItem(["carl", "x"], "one", { n: 1 });
  expect((await carl.store.getItem(["carl", "x"], "one"))?.value).toEqual({ n: 1 });
  for (const foreign of [["xcarl"], ["carlx"], []]) {
    const asked = carl.store.searchItems(foreign);
    await expect(asked).rejects.toThrow("HTTP 403: not yours");
  }
  await expect(carl.store.getItem(["xcarl"], "one")).rejects.toThrow("HTTP 403");
  await expect(carl.store.putItem(["xcarl"], "one", {})).rejects.toThrow("HTTP 403");
  await expect(carl.store.deleteItem(["xcarl"], "one")).rejects.toThrow("HTTP 403");
  await expect(carl.store.listNamespaces({ prefix: ["xcarl"] })).rejects.toThrow("HTTP 403");
});

it("filters by the fields of items, so that pages hold what may be seen and nothing else", async () => {
  const [dora, emil] = [of("dora", "fields"), of("emil", "fields")];
  for (const n of [1, 2, 3]) await dora.store.putItem(["shared"], `dora ${n}`, { n, text: "apple" });
  for (const n of [1, 2, 3]) await emil.store.putItem(["shared"], `emil ${n}`, { n, text: "apple" });
  const first = await emil.store.searchItems(["shared"], { limit: 2 });
  const second = await emil.store.searchItems(["shared"], { limit: 2, offset: 2 });
  const keys = [...first.items, ...second.items].map(({ key }) => key);
  expect(keys.toSorted()).toEqual(["emil 1", "emil 2", "emil 3"]);
  const found = await emil.store.searchItems(["shared"], { query: "apple", filter: { owner: "dora" } });
  expect(found.items).toEqual([]);
  await expect(emil.store.getItem(["shared"], "dora 1")).rejects.toThrow("HTTP 404");
  await expect(emil.store.putItem(["shared"], "dora 1", { n: 0 })).rejects.toThrow("HTTP 404");
  await expect(emil.store.deleteItem(["shared"], "dora 1")).rejects.toThrow("HTTP 404");
  expect((await dora.store.getItem(["shared"], "dora 1"))?.value).toEqual({ n: 1, text: "apple", owner: "dora" });
  // What the handler says is theirs, whatever they say.
  await emil.store.putItem(["shared"], "mine", { owner: "dora" });
  expect((await emil.store.getItem(["shared"], "mine"))?.value).toEqual({ owner: "emil" });
  await dora.store.putItem(["only dora"], "one", {});
  expect((await emil.store.listNamespaces({})).namespaces).toEqual([["shared"]]);
});

it("filters by the names of items", async () => {
  const [fay, gil] = [of("fay", "names"), of("gil", "names")];
  await fay.store.putItem(["teams", "fay"], "one", { n: 1 });
  await expect(gil.store.putItem(["teams", "fay"], "two", {})).rejects.toThrow("HTTP 403");
  await expect(gil.store.putItem(["teams", "fay"], "one", {})).rejects.toThrow("HTTP 404");
  await expect(gil.store.getItem(["teams", "fay"], "one")).rejects.toThrow("HTTP 404");
  await gil.store.putItem(["teams", "gil"], "one", { n: 2 });
  expect((await gil.store.searchItems(["teams"])).items.map(({ namespace }) => namespace)).toEqual([["teams", "gil"]]);
  expect((await fay.store.listNamespaces({ prefix: ["teams"] })).namespaces).toEqual([["teams", "fay"]]);
});

it("lets nobody in by a handler that spoils the namespace, nor by one that says no", async () => {
  await expect(of("hal", "spoils").store.searchItems(["x"])).rejects.toThrow("HTTP 500: Internal Server Error");
  await expect(of("ida", "none").store.searchItems(["x"])).rejects.toThrow("HTTP 403");
});
