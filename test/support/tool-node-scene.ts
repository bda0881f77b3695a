import { AIMessage, type BaseMessage, type ToolMessage } from "@langchain/core/messages";
import { z } from "zod";
import { type ToolNodeOptions, toolNode } from "../../src/kit/nodes/tool-node.ts";
import type { Ports } from "../../src/kit/ports.ts";
import { defineTool, type Tool, type ToolOptions } from "../../src/kit/tool/tool.ts";
import type { ToolOutcome } from "../../src/protocol/tool-outcome.ts";
import { openToolScene, type ToolScene } from "./tool-scene.ts";

/** The state of a tool node in a test. */
export interface NodeState {
  question: string;
  outcomes: ToolOutcome[];
  messages: BaseMessage[];
}
type Options = Partial<ToolNodeOptions<NodeState>> & Pick<ToolNodeOptions<NodeState>, "tools">;

const text = z.object({ text: z.string() });
type Run = (given: { text: string }) => unknown;

/** Tools that write down what they do, and nodes that call them. */
export interface NodeScene extends ToolScene {
  log: string[];
  /** A tool that writes down when it begins and ends. */
  made(name: string, effect: "read" | "idempotent" | "once", run?: Run): Tool;
  run(options: Options, state?: Partial<NodeState>, ports?: Partial<Ports>): Promise<NodeResult>;
}

/** What such a node gives. */
export interface NodeResult {
  outcomes: ToolOutcome[];
  trail: Record<string, unknown>[];
  messages: ToolMessage[];
}

/** Opens a scene of its own for each test. */
export function openNodeScene(): NodeScene {
  const scene = openToolScene();
  const log: string[] = [];
  return {
    ...scene,
    log,
    made(name, effect, run = () => ({ text: name })) {
      const options: ToolOptions<string, typeof text, typeof text> = {
        name,
        description: `Does ${name}.`,
        input: text,
        output: text,
        effect,
        attempts: 1,
        async run(given) {
          log.push(`${name} begins`);
          await new Promise(setImmediate);
          const result = (await run(given)) as { text: string };
          log.push(`${name} ends`);
          return result;
        },
      };
      return defineTool(options) as unknown as Tool;
    },
    async run(options, state = {}, ports = {}) {
      const node = toolNode<NodeState>({ into: "outcomes", ...options });
      const given = { question: "", outcomes: [], messages: [], ...state };
      return (await scene.within(async () => await node(given, {}), ports)) as unknown as NodeResult;
    },
  };
}

/** A tool's function whose other side is down. */
export const broken = () => {
  throw Object.assign(new Error("it is down"), { status: 503 });
};

/** The outcomes in a few words. */
export const shortly = (outcomes: readonly ToolOutcome[]) =>
  outcomes.map(({ tool, ok }) => `${tool} ${ok ? "ok" : "failed"}`);

/** A model's message that asks for calls. */
export const asks = (...calls: [string, Record<string, unknown>][]) =>
  new AIMessage({ content: "", tool_calls: calls.map(([name, args], index) => ({ id: `c${index}`, name, args })) });
