import { z } from "zod";

/** Where a node leads when nothing but its code knows: anywhere. */
export const ANYWHERE = "*";

/** What surrounds a node. */
export interface NodeShape {
  /** Where it may lead, sorted; `ANYWHERE` where a router or a command states no targets. */
  to: string[];
  /** The nodes that have to be done first, group by group. */
  waits_for?: string[][] | undefined;
  /** Where it leads when it fails. */
  on_error?: string | undefined;
  /** It runs when nothing else is left to do. */
  deferred?: true | undefined;
  /** The graph inside it. */
  inner?: Topology | undefined;
}

/** The nodes of a graph and where they lead, and the keys of its state by the kind of channel that keeps each. */
export interface Topology {
  nodes: Record<string, NodeShape>;
  keys: Record<string, string>;
}

/**
 * What was still to run when a question was asked. Kept with the review, so that a later version of the code can be
 * compared with it when the answer comes.
 */
export interface GraphShape extends Topology {
  /** The nodes that come next: where the rest of the graph is entered. */
  from: string[];
  /** sha256 over the code that runs; kept only where something waits that cannot compare what it shows. */
  code_digest: string | null;
}

const names = z.array(z.string());
const topologySchema: z.ZodType<Topology> = z.lazy(() =>
  z.object({ nodes: z.record(z.string(), nodeSchema), keys: z.record(z.string(), z.string()) }),
);
const nodeSchema: z.ZodType<NodeShape> = z.object({
  to: names,
  waits_for: z.array(names).optional(),
  on_error: z.string().optional(),
  deferred: z.literal(true).optional(),
  inner: topologySchema.optional(),
});
const graphShapeSchema = z.object({
  from: names,
  code_digest: z.string().nullable(),
  nodes: z.record(z.string(), nodeSchema),
  keys: z.record(z.string(), z.string()),
});

/** Reads a stored shape; null where there is none, or none that this version understands. */
export function parseGraphShape(text: string | null): GraphShape | null {
  if (text === null) return null;
  const parsed = graphShapeSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** How a thread's state fits the graph that is to go on with it. */
export interface StateFit {
  /** The keys that hold a value. */
  held: string[];
  /** Values that the graph's schema refuses now. */
  faults: { key: string; message: string }[];
  /** Keys that the schema wants and the thread does not have. */
  missing: string[];
}
