import { priceOf } from "../../policy/model-price.ts";
import { contentTokens, textTokens } from "../../policy/token-estimate.ts";
import type { Use } from "../guards.ts";
import { currentNode } from "../node.ts";
import type { Candidate } from "./candidate.ts";
import type { ModelCall, Piece } from "./model-call.ts";

/** What is seen of an answer as it comes. */
export interface Tally {
  see(piece: Piece): void;
  /** Whether something of it was said. */
  readonly hasBegun: boolean;
  /** Whether it is to be paid: the provider says so, or it has begun. */
  readonly isBilled: boolean;
  /** Whether it ended without saying that this is its end. */
  readonly isCut: boolean;
  /** The account of it; estimated where the provider gives none. */
  account(call: ModelCall): Use;
}

interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  input_token_details?: { cache_read?: number };
}

/** Begins to watch an answer of a candidate. */
export function createTally(candidate: Candidate): Tally {
  const said = { hasBegun: false, tokens: 0, model: candidate.model, ends: false, isOpenAIStream: false };
  let usage: Required<Omit<Usage, "input_token_details">> & { cached: number } = emptyUsage();
  let isCounted = false;
  return {
    see(piece) {
      if (saysSomething(piece)) said.hasBegun = true;
      said.tokens += outputTokens(piece);
      const told = piece.response_metadata as Record<string, unknown>;
      const name = told["model_name"] ?? told["model"];
      if (typeof name === "string" && name !== "") said.model = name;
      if (told["finish_reason"] != null) said.ends = true;
      // Chat completions number their pieces, and their last one says why it is the last.
      if (typeof told["completion"] === "number") said.isOpenAIStream = true;
      const own = piece.usage_metadata as Usage | undefined;
      if (own === undefined) return;
      isCounted = true;
      usage = {
        input_tokens: usage.input_tokens + (own.input_tokens ?? 0),
        output_tokens: usage.output_tokens + (own.output_tokens ?? 0),
        cached: usage.cached + (own.input_token_details?.cache_read ?? 0),
      };
    },
    get hasBegun() {
      return said.hasBegun;
    },
    get isBilled() {
      return isCounted || said.hasBegun;
    },
    get isCut() {
      return said.isOpenAIStream && !said.ends;
    },
    account({ terms, tokens }) {
      const isTold = isCounted && usage.input_tokens + usage.output_tokens > 0;
      const input = isTold ? usage.input_tokens : tokens;
      const output = isTold ? usage.output_tokens : said.tokens;
      const spent = { input, output, cached: usage.cached };
      return {
        kind: "model",
        name: said.model,
        node: currentNode() || null,
        input_tokens: input,
        output_tokens: output,
        cached_tokens: usage.cached,
        cost: priceOf(terms.prices, said.model, spent) ?? priceOf(terms.prices, candidate.model, spent),
      };
    },
  };
}

const emptyUsage = () => ({ input_tokens: 0, output_tokens: 0, cached: 0 });

/** The account of an answer that is known to have been as long as it may be, and of which nothing was shown. */
export function longestAccount(candidate: Candidate, call: ModelCall): Use {
  const output = candidate.most_output ?? ASSUMED_OUTPUT;
  const spent = { input: call.tokens, output, cached: 0 };
  const cost = priceOf(call.terms.prices, candidate.model, spent);
  const node = currentNode() || null;
  return {
    kind: "model",
    name: candidate.model,
    node,
    input_tokens: spent.input,
    output_tokens: output,
    cached_tokens: 0,
    cost,
  };
}

// Of an answer that was too long, where nobody has said how long it may be.
const ASSUMED_OUTPUT = 4_096;

/** Whether a piece says something: text, a call of a tool, a refusal; a role or a number is nothing yet. */
function saysSomething(piece: Piece): boolean {
  if (piece.content.length > 0) return true;
  const { tool_calls = [], additional_kwargs } = piece;
  const { tool_call_chunks = [] } = piece as { tool_call_chunks?: unknown[] };
  return tool_calls.length + tool_call_chunks.length > 0 || typeof additional_kwargs["refusal"] === "string";
}

function outputTokens(piece: Piece): number {
  const { tool_call_chunks } = piece as { tool_call_chunks?: { args?: string }[] };
  const calls =
    tool_call_chunks?.map(({ args }) => args ?? "") ?? piece.tool_calls?.map(({ args }) => JSON.stringify(args));
  const text = piece.content.length === 0 ? 0 : contentTokens(piece.content);
  return text + (calls ?? []).reduce((sum, args) => sum + textTokens(args), 0);
}
