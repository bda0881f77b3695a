import { useState } from "react";
import { type Block, markdownBlocks, type Span } from "./markdown-blocks.ts";
import { Line, Text } from "./text.tsx";

// biome-ignore-start lint/suspicious/noArrayIndexKey: blocks and spans have nothing but their place
const FIRST_CHARACTERS = 8_000;

/** Markdown of somebody else: no HTML, no images, and no link that leads elsewhere without saying where. */
export function Markdown({ text }: { text: string }) {
  if (text.length > FIRST_CHARACTERS) return <Text text={text} />;
  return (
    <div className="markdown">
      {markdownBlocks(text).map((block, place) => (
        <BlockView key={place} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  if (block.kind === "rule") return <hr />;
  if (block.kind === "code") {
    return (
      <pre>
        <Text text={block.text} />
      </pre>
    );
  }
  if (block.kind === "list") {
    const List = block.ordered ? "ol" : "ul";
    return (
      <List>
        {block.items.map((spans, place) => (
          <li key={place}>
            <Spans spans={spans} />
          </li>
        ))}
      </List>
    );
  }
  // A heading of theirs is no heading of this page.
  const Tag = block.kind === "quote" ? "blockquote" : "p";
  return (
    <Tag className={block.kind}>
      <Spans spans={block.spans} />
    </Tag>
  );
}

function Spans({ spans }: { spans: Span[] }) {
  return spans.map((span, place) => <SpanView key={place} span={span} />);
}

function SpanView({ span }: { span: Span }) {
  switch (span.kind) {
    case "code":
      return (
        <code>
          <Line text={span.text} />
        </code>
      );
    case "strong":
      return (
        <strong>
          <Line text={span.text} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Line text={span.text} />
        </em>
      );
    case "link":
      return <Outside label={span.text} url={span.url} />;
    case "image":
      return (
        <span className="muted">
          [image not shown: <Line text={`${span.text} ${span.url}`.trim()} />]
        </span>
      );
    default:
      return <Text text={span.text} />;
  }
}

/** A link of somebody else: the first click says where it leads, the second goes there. */
export function Outside({ label, url }: { label: string; url: string }) {
  const [isOpen, setOpen] = useState(false);
  const { host, protocol } = new URL(url);
  return (
    <span className="outside">
      <button type="button" className="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Line text={label || url} />
        <span className="muted"> ({protocol === "mailto:" ? "mail" : host})</span>
      </button>
      {isOpen && (
        <a className="outside-address" href={url} target="_blank" rel="noreferrer noopener">
          leaves this page for <Line text={url} /> ↗
        </a>
      )}
    </span>
  );
}
// biome-ignore-end lint/suspicious/noArrayIndexKey: blocks and spans have nothing but their place
