import type { Scenario } from "../player.ts";

const UNKNOWN = "11111111-1111-4111-8111-111111111111";

/** Assistants: found, made, changed, taken back, drawn, removed. */
export const assistants: readonly Scenario[] = [
  {
    name: "assistants are found",
    async play({ client, http, step }) {
      await step("search all, by name", () =>
        client.assistants.search({ sortBy: "name", sortOrder: "asc", limit: 50 }),
      );
      await step("search with a page", () =>
        http("POST", "/assistants/search", { limit: 2, sort_by: "name", sort_order: "asc" }),
      );
      await step("search the last page", () =>
        http("POST", "/assistants/search", { limit: 5, offset: 6, sort_by: "name", sort_order: "asc" }),
      );
      await step("search by graph", () => client.assistants.search({ graphId: "plain" }));
      await step("search by part of a name", () =>
        http("POST", "/assistants/search", { name: "ASKS", sort_by: "name", sort_order: "asc" }),
      );
      await step("search with select", () =>
        client.assistants.search({ graphId: "plain", select: ["graph_id", "name"] }),
      );
      await step("search by metadata", () => client.assistants.search({ metadata: { created_by: "nobody" } }));
      await step("count", () => client.assistants.count());
      await step("count of a graph", () => client.assistants.count({ graphId: "plain" }));
      await step("get by graph name", () => client.assistants.get("plain"));
      await step("get an unknown id", () => client.assistants.get(UNKNOWN));
      await step("get an unknown name", () => client.assistants.get("nothing"));
    },
  },
  {
    name: "assistants are made and changed",
    async play({ client, http, step }) {
      const config = { configurable: { word: "first" }, tags: ["a"] };
      const made = await step("create", () =>
        client.assistants.create({ graphId: "made", config, metadata: { kind: "x" }, name: "Maker", description: "d" }),
      );
      const id = made.assistant_id;
      await step("create with only a graph", () => http("POST", "/assistants", { graph_id: "plain" }));
      await step("create again", () => client.assistants.create({ graphId: "made", assistantId: id }));
      await step("create again, which does nothing", () =>
        client.assistants.create({ graphId: "made", assistantId: id, ifExists: "do_nothing" }),
      );
      await step("create for an unknown graph", () => http("POST", "/assistants", { graph_id: "nothing" }));
      await step("create for nothing", () => http("POST", "/assistants", {}));
      await step("create with an unknown key", () => http("POST", "/assistants", { graph_id: "plain", surplus: 1 }));
      await step("update", () =>
        client.assistants.update(id, {
          config: { configurable: { word: "second" } },
          metadata: { more: 1 },
          name: "M2",
        }),
      );
      await step("update nothing", () => http("PATCH", `/assistants/${id}`, {}));
      await step("update an unknown one", () => client.assistants.update(UNKNOWN, { name: "x" }));
      await step("versions", () => client.assistants.getVersions(id));
      await step("versions, a page of them", () => client.assistants.getVersions(id, { limit: 1, offset: 1 }));
      await step("versions of an unknown one", () => client.assistants.getVersions(UNKNOWN));
      await step("go back", () => client.assistants.setLatest(id, 1));
      await step("go back to an unknown version", () => client.assistants.setLatest(id, 99));
      await step("update after going back", () => client.assistants.update(id, { metadata: { again: true } }));
      await step("run it", () => client.runs.wait(null, id, { input: { text: "say" } }));
      await step("remove", () => http("DELETE", `/assistants/${id}`));
      await step("remove again", () => client.assistants.delete(id));
      await step("get after that", () => client.assistants.get(id));
    },
  },
  {
    name: "assistants are described",
    async play({ client, http, step }) {
      await step("graph", () => client.assistants.getGraph("plain"));
      await step("graph inside out", () => client.assistants.getGraph("nested", { xray: true }));
      await step("graph one level deep", () => http("GET", "/assistants/nested/graph?xray=1"));
      await step("graph of a factory", () => client.assistants.getGraph("made"));
      await step("graph of an unknown one", () => client.assistants.getGraph("nothing"));
      await step("schemas", () => client.assistants.getSchemas("plain"));
      await step("subgraphs", () => client.assistants.getSubgraphs("nested"));
      await step("subgraphs, all the way down", () => client.assistants.getSubgraphs("nested", { recurse: true }));
      await step("one subgraph", () => client.assistants.getSubgraphs("nested", { namespace: "middle" }));
      await step("no subgraphs", () => client.assistants.getSubgraphs("plain"));
    },
  },
];
