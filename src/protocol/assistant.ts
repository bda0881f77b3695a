import { createHash } from "node:crypto";

/** An assistant, as the clients see it: a graph with a configuration. */
export interface Assistant {
  assistant_id: string;
  graph_id: string;
  name: string;
  description: string | null;
  config: Record<string, unknown>;
  context: Record<string, unknown>;
  metadata: Record<string, unknown>;
  version: number;
  created_at: string;
  updated_at: string;
}

// The namespace with which the official server derives a graph's own assistant id; clients cache that id.
const NAMESPACE = Buffer.from("6ba7b8219dad11d180b400c04fd430c8", "hex");

/** The id of a graph's own assistant: UUID version 5 of its graph id. */
export function assistantIdOf(graph_id: string): string {
  const hash = createHash("sha1").update(NAMESPACE).update(graph_id).digest().subarray(0, 16);
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
