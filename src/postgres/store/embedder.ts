/** Makes vectors of texts: texts that mean much the same have vectors that lie close together. */
export interface Embedder {
  /** What its vectors are kept under: no two embedders whose vectors cannot be compared have the same. */
  readonly model: string;
  /** How many numbers a vector has. */
  readonly dims: number;
  /** The paths of an item's value whose texts are embedded, where the item itself names none; `$` is all of it. */
  readonly fields: readonly string[];
  /**
   * A vector of length 1 for each text, or null where it has none. It waits for another machine: never inside of a
   * transaction. Throws `EmbeddingFailed`, in bounded time.
   */
  embed(texts: readonly string[]): Promise<(Float32Array | null)[]>;
}

/** Thrown when there are no vectors. */
export class EmbeddingFailed extends Error {
  override readonly name = "EmbeddingFailed";
  /** True when it is a text that was refused: the others could still be embedded without it. */
  readonly isTextRefused: boolean;

  constructor(message: string, isTextRefused: boolean, cause?: unknown) {
    super(message, { cause });
    this.isTextRefused = isTextRefused;
  }
}
