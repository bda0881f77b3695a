import type { Scenario } from "../player.ts";

/** The store, crons, and what says that the server is there. */
export const rest: readonly Scenario[] = [
  {
    name: "the store",
    async play({ client, http, step }) {
      const { store } = client;
      await step("put", () =>
        http("PUT", "/store/items", { namespace: ["a", "b"], key: "k", value: { n: 1, tag: "x" } }),
      );
      await step("put another", () => store.putItem(["a", "c"], "k2", { n: 2, tag: "y" }));
      await step("put with a dot", () => store.putItem(["a.b"], "k", {}));
      await step("put without a namespace", () => http("PUT", "/store/items", { namespace: [], key: "k", value: {} }));
      await step("put without a value", () => http("PUT", "/store/items", { namespace: ["a"], key: "k" }));
      await step("get", () => store.getItem(["a", "b"], "k"));
      await step("get what is not there", () => store.getItem(["a", "b"], "none"));
      await step("get by HTTP", () => http("GET", "/store/items?namespace=a.b&key=k"));
      await step("get without a key", () => http("GET", "/store/items?namespace=a.b"));
      await step("search", () => store.searchItems(["a"]));
      await step("search with a filter", () => store.searchItems(["a"], { filter: { tag: "y" } }));
      await step("search with an operator", () => store.searchItems(["a"], { filter: { n: { $gt: 1 } } as never }));
      await step("search with a page", () => store.searchItems(["a"], { limit: 1, offset: 1 }));
      await step("search with words", () => store.searchItems(["a"], { query: "y" }));
      await step("namespaces", () => store.listNamespaces({ prefix: ["a"] }));
      await step("namespaces, one level", () => store.listNamespaces({ maxDepth: 1 }));
      await step("remove", () => http("DELETE", "/store/items", { namespace: ["a", "b"], key: "k" }));
      await step("remove again", () => store.deleteItem(["a", "b"], "k"));
    },
  },
  {
    name: "crons",
    async play({ client, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("create", () => client.crons.create("plain", { schedule: "0 0 1 1 *", input: { text: "a" } }));
      await step("create for a thread", () =>
        client.crons.createForThread(thread_id, "plain", { schedule: "0 0 1 1 *" }),
      );
      await step("search", () => client.crons.search());
      await step("count", () => client.crons.count());
    },
  },
  {
    name: "the rest",
    async play({ http, step }) {
      const page = { origin: "https://page.example" };
      await step("ok", () => http("GET", "/ok"));
      await step("info", () => http("GET", "/info"));
      await step("nothing there", () => http("GET", "/nothing"));
      await step("wrong method", () => http("PUT", "/threads", {}));
      await step("from a page", () => http("GET", "/ok", undefined, page));
      await step("asked beforehand", () =>
        http("OPTIONS", "/threads/search", undefined, {
          ...page,
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type",
        }),
      );
      await step("prune", () => http("POST", "/threads/prune", { thread_ids: [], strategy: "delete" }));
      await step("cancel many", () => http("POST", "/runs/cancel", { status: "pending" }));
      await step("openapi", () => http("GET", "/openapi.json").then((document) => typeof document));
    },
  },
];
