/** One fault in what was sent; `pointer` is a JSON pointer (RFC 6901) into it. */
export interface Fault {
  pointer: string;
  message: string;
}

/** A value, or what is wrong with it. */
export type Checked<Value> = { ok: true; value: Value } | { ok: false; faults: Fault[] };
