import { longestMatch } from "./model-name.ts";

/** What a model costs, each in the same currency for a million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
  /** For input tokens the provider had in its cache; the input price where it is not given. */
  readonly cached: number;
}

/** Prices by the name of the model. */
export type ModelPrices = ReadonlyMap<string, ModelPrice>;

/** Tokens of one call. `cached` ones are part of `input`. */
export interface TokenUse {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

const MILLION = 1_000_000;

/**
 * The price of a call, or null where it is not known. A dated name (`gpt-4.1-mini-2025-04-14`) costs what the longest
 * name it begins with costs.
 */
export function priceOf(prices: ModelPrices, model: string, { input, output, cached }: TokenUse): number | null {
  const price = longestMatch(prices, model);
  if (price === undefined) return null;
  return ((input - cached) * price.input + cached * price.cached + output * price.output) / MILLION;
}
