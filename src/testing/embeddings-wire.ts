import { ProtocolFault, requireText } from "./asked-model.ts";

const DEFAULT_DIMS = 1_536;
const MOST_DIMS = 16_000;

/** The body of an embeddings request. */
export interface EmbeddingsRequest {
  model: string;
  input: string[];
  dimensions?: number;
  encoding_format?: string;
}

/** Checks the body of an embeddings request. */
export function readEmbeddings(body: Record<string, unknown>): EmbeddingsRequest {
  const model = requireText(body, "model");
  const { input, dimensions } = body;
  const texts = typeof input === "string" ? [input] : input;
  // Tokens stand for themselves: lists of numbers are told apart, and mean nothing.
  const isTokens = Array.isArray(texts) && texts.length > 0 && texts.every((one) => typeof one === "number");
  const list = isTokens ? [texts] : texts;
  if (!Array.isArray(list) || list.length === 0)
    throw new ProtocolFault("input", "input has to hold at least one text");
  const isWhole = Number.isInteger(dimensions) && Number(dimensions) >= 1 && Number(dimensions) <= MOST_DIMS;
  if (dimensions !== undefined && !isWhole)
    throw new ProtocolFault("dimensions", `dimensions has to be a whole number from 1 to ${MOST_DIMS}`);
  return { ...body, model, input: list.map((one) => (typeof one === "string" ? one : JSON.stringify(one))) };
}

/** The vectors of a request, in OpenAI's form. */
export function embeddingsOf(request: EmbeddingsRequest, dims = request.dimensions ?? DEFAULT_DIMS): object {
  const { model, input, encoding_format } = request;
  const data = input.map((text, index) => {
    const vector = vectorOf(text, dims);
    const embedding =
      encoding_format === "base64" ? Buffer.from(Float32Array.from(vector).buffer).toString("base64") : vector;
    return { object: "embedding", index, embedding };
  });
  const prompt_tokens = Math.ceil(input.join("").length / 4);
  return { object: "list", model, data, usage: { prompt_tokens, total_tokens: prompt_tokens } };
}

/** The vector that is made of a text: every word points somewhere, so that equal words bring texts together. */
export function vectorOf(text: string, dims: number): number[] {
  const vector = Array<number>(dims).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    let state = 2_166_136_261;
    for (const character of word) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16_777_619);
    for (let place = 0; place < dims; place += 1) {
      state = Math.imul(state ^ (state >>> 15), 2_246_822_519) + place;
      vector[place] = (vector[place] ?? 0) + (state % 1_000) / 1_000;
    }
  }
  return vector;
}
