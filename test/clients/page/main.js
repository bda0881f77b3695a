import { useStream } from "@langchain/langgraph-sdk/react";
import { createElement, useState } from "react";
import { createRoot } from "react-dom/client";

const { apiUrl, apiKey } = JSON.parse(document.querySelector("meta[name=settings]").content);

/** What a team's own screen does: nothing of it knows the server. */
function Screen() {
  const [threadId, setThreadId] = useState(new URLSearchParams(location.search).get("thread"));
  const [failures, setFailures] = useState([]);
  const stream = useStream({
    apiUrl,
    apiKey,
    assistantId: "screen",
    threadId,
    onThreadId(id) {
      setThreadId(id);
      history.replaceState(null, "", `?thread=${id}`);
    },
    onError: (error) => setFailures((before) => [...before, error.message]),
    reconnectOnMount: new URLSearchParams(location.search).get("forget") === null,
    fetchStateHistory: true,
  });
  globalThis.stream = stream;
  const shown = {
    said: stream.messages.map(({ content }) => content),
    isLoading: stream.isLoading,
    interrupt: stream.interrupt?.value ?? null,
    error: stream.error?.message ?? null,
    failures,
    states: stream.history.length,
    branches: stream.messages.map((message) => stream.getMessagesMetadata(message)?.branchOptions?.length ?? 0),
  };
  return createElement("pre", null, JSON.stringify(shown));
}

createRoot(document.querySelector("main")).render(createElement(Screen));
