import type { Client } from "@langchain/langgraph-sdk/client";
import type { Connection } from "./connection.ts";

/** The official LangGraph client for a server: what runs are started and followed with. */
export async function createSdkClient({ url, apiKey }: Connection): Promise<Client> {
  // Loaded only where it is used: it takes longer to load than most commands take.
  const { Client } = await import("@langchain/langgraph-sdk/client");
  // null, not undefined: the client would go looking for somebody else's keys in the environment.
  return new Client({ apiUrl: url, apiKey: apiKey ?? null, callerOptions: { maxRetries: 0 } });
}
