import { Markdown } from "../ui/markdown.tsx";
import { Empty, Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import { JsonView } from "./json-view.tsx";
import type { RunDetail } from "./model.ts";
import { useNewestState } from "./steps-query.ts";

interface Message {
  id?: string;
  type: string;
  name?: string;
  content: unknown;
  tool_calls?: { id?: string; name: string; args: unknown }[];
}

const WHO: Record<string, string> = { human: "Human", ai: "Model", tool: "Tool", system: "System" };

/** What was said, where a graph keeps messages. */
export function MessagesView({ run, isLive }: { run: RunDetail; isLive: boolean }) {
  const { data, error, refetch, isPending } = useNewestState(run, isLive);
  if (isPending) return <Loading what="messages" />;
  if (data === undefined) return <Failed error={error} retry={() => void refetch()} />;
  const found = data === null ? undefined : messagesOf(data.values);
  if (found === undefined) {
    return (
      <Empty title="This graph keeps no messages.">
        <p className="muted">What it does keep is under Steps.</p>
      </Empty>
    );
  }
  return (
    <ol className="run-messages">
      {found.map((message, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a message may have no id, or somebody else's
        <MessageItem key={place} message={message} />
      ))}
    </ol>
  );
}

function MessageItem({ message }: { message: Message }) {
  const { type, name, content, tool_calls = [] } = message;
  const { text, rest } = readContent(content);
  return (
    <li className={`run-message message-${WHO[type] === undefined ? "other" : type}`}>
      <p className="message-who">
        {WHO[type] ?? <Line text={type} />}
        {name !== undefined && (
          <span className="muted">
            {" "}
            <Line text={name} />
          </span>
        )}
      </p>
      {text !== "" && <Markdown text={text} />}
      {rest.length > 0 && <JsonView value={rest} label="parts that are no text" />}
      {tool_calls.map((call, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: calls are in order, and their ids are somebody else's
        <div key={place} className="tool-call">
          <p>
            calls{" "}
            <code>
              <Line text={String(call.name)} />
            </code>
          </p>
          <JsonView value={call.args} label={`arguments of call ${place + 1}`} />
        </div>
      ))}
    </li>
  );
}

/** The first list of messages of a state: usually `messages`. */
function messagesOf(values: unknown): Message[] | undefined {
  if (typeof values !== "object" || values === null) return undefined;
  const lists = Object.entries(values).filter(
    ([, value]) => Array.isArray(value) && value.length > 0 && value.every(isMessage),
  );
  const [first] = lists.toSorted(([a], [b]) => Number(b === "messages") - Number(a === "messages"));
  return first?.[1] as Message[] | undefined;
}

function isMessage(value: unknown): value is Message {
  return (
    typeof value === "object" && value !== null && "content" in value && typeof (value as Message).type === "string"
  );
}

function readContent(content: unknown): { text: string; rest: unknown[] } {
  if (typeof content === "string") return { text: content, rest: [] };
  const parts = Array.isArray(content) ? content : [content];
  const isText = (part: unknown): part is { text: string } =>
    typeof part === "object" && part !== null && typeof (part as { text?: unknown }).text === "string";
  return {
    text: parts
      .filter(isText)
      .map(({ text }) => text)
      .join("\n"),
    rest: parts.filter((part) => !isText(part) && part !== null),
  };
}
