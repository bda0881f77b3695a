import { Client } from "@langchain/langgraph-sdk/client";

/**
 * LangGraph's own client: threads, runs and assistants. No key: the session's cookie goes along. Imported where it
 * is used (`await import`): it is larger than everything else together.
 */
export const langgraph = new Client({ apiUrl: window.location.origin, apiKey: null });
