/** How one execution of a node ended. */
export type NodeStatus = "success" | "error" | "interrupted" | "cancelled";

/** What is kept of one execution of a node. */
export interface NodeExecution {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly task_id: string;
  readonly node: string;
  readonly status: NodeStatus;
  readonly duration_ms: number;
  /** Of which it waited for models, and for tools. */
  readonly model_ms: number;
  readonly tool_ms: number;
  readonly tries: number;
  readonly write_keys: readonly string[];
  readonly write_bytes: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly cost: number | null;
  readonly is_cached: boolean;
  readonly error_class: string | null;
}
