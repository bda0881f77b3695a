import { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";

/** What the assistant of each graph starts with, until somebody changes it. */
export type GraphDefaults = ReadonlyMap<string, { config: Record<string, unknown>; context: Record<string, unknown> }>;

const members = z.record(z.string(), z.unknown());
const defaultsSchema = z.record(
  z.string(),
  z.looseObject({ configurable: members.optional(), context: members.optional() }),
);

/** Reads `LANGGRAPH_CONFIG`, JSON with a config for each graph. Throws `configuration_invalid`. */
export function parseGraphDefaults(text: string | undefined): GraphDefaults {
  if (text === undefined) return new Map();
  const parsed = defaultsSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    throw new HoldpointError(
      "configuration_invalid",
      'LANGGRAPH_CONFIG must be JSON like {"agent": {"configurable": {"model": "small"}, "context": {}}}, by graph',
    );
  }
  const entries = Object.entries(parsed.data);
  return new Map(entries.map(([graph_id, { context = {}, ...config }]) => [graph_id, { config, context }]));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
