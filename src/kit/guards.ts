import type { Json } from "../protocol/json.ts";

/** When a breaker opens, and for how long. */
export interface BreakerTerms {
  /** So many faults of the other side open it; 5 unless given. */
  faults?: number;
  /** Within so long; 60 seconds unless given. */
  window_ms?: number;
  /** It stays open for so long, then one probe is let through; 30 seconds unless given. */
  open_ms?: number;
  /** A probe nobody hears of for so long is given up, and the next call is one; 60 seconds unless given. */
  probe_ms?: number;
}

/** Leave for one call. Exactly one of its functions is called, with how the call went. */
export interface BreakerPermit {
  succeeded(): Promise<void>;
  /** The other side failed: it was busy with itself, silent or gone. */
  faulted(): Promise<void>;
  /** The call says nothing about the other side: the input was wrong, or the run was stopped. */
  ignored(): Promise<void>;
}

/** Stops calls to what has failed too often, in all processes. */
export interface BreakerPort {
  /** Throws `breaker_open` (facts `name`, `retry_after_ms`) while it is open, and to all but one while it is probed. */
  enter(name: string, terms?: BreakerTerms): Promise<BreakerPermit>;
}

/** So much in so long. */
export interface RateTerms {
  limit: number;
  /** 60 seconds unless given. */
  per_ms?: number;
}

/** What a limit says to one who wants some of it. */
export type RateAnswer = { granted: true } | { granted: false; retry_after_ms: number };

/** Counts calls, or tokens, of all processes. It never waits itself: who is refused knows for how long. */
export interface LimiterPort {
  take(name: string, amount: number, terms: RateTerms): Promise<RateAnswer>;
  /** Corrects what was taken before its size was known; negative gives back. */
  adjust(name: string, difference: number, terms: RateTerms): Promise<void>;
}

/** Keeps answers of models and tools. Keys are made by whoever asks and name everything the answer depends on. */
export interface CachePort {
  get(key: string): Promise<Json | undefined>;
  put(key: string, value: Json, ttl_ms: number): Promise<void>;
}

/** One call of a model, or of a tool that costs something. */
export interface Use {
  kind: "model" | "tool";
  /** The model's name as the provider answered it, or the tool's. */
  name: string;
  node: string | null;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  /** Null where no price is known. */
  cost: number | null;
}

/** What may be spent, of tokens, money or both. */
export interface Budget {
  tokens?: number;
  cost?: number;
}

/** A budget that is used up. */
export interface Overspent {
  scope: "run" | "graph" | "tenant";
  /** Budget, and what was spent of it. */
  budget: Budget;
  tokens: number;
  cost: number;
}

/** Keeps account of what is spent, and says when a budget is used up. */
export interface MeterPort {
  record(use: Use): Promise<void>;
  /** The first budget that is used up, of the run's own (given), the graph's and the tenant's; undefined when none is. */
  overspent(run?: Budget): Promise<Overspent | undefined>;
  /** Gives the run more: what a person has allowed, once for each position. */
  grant(position: string, more: Budget): Promise<void>;
}

/** What all processes share about calls to others. */
export interface Guards {
  breakers: BreakerPort;
  limits: LimiterPort;
  cache: CachePort;
  meter: MeterPort;
}
