import * as values from "./config-values.ts";
import { field } from "./config-values.ts";
import type { BudgetLimit } from "./policy/budget.ts";

/** The variables about models, by the name their value has in the configuration. */
export const MODEL_FIELDS = {
  openaiApiKey: field(
    "OPENAI_API_KEY",
    values.secret(),
    undefined,
    "Key of an OpenAI-compatible model. Without one, graphs take their rule-based path and say so.",
  ),
  openaiBaseUrl: field(
    "OPENAI_BASE_URL",
    values.webAddress(),
    undefined,
    "Address of that model.",
    "https://api.openai.com/v1",
  ),
  openaiModel: field("OPENAI_MODEL", values.words(), undefined, "Its name.", "gpt-4.1-mini"),
  modelFallbacks: field(
    "HOLDPOINT_MODEL_FALLBACKS",
    values.modelNames(),
    [],
    "Other models of the same address, asked in this order when one cannot answer: it is gone, too busy or too small for the question.",
    "none",
  ),
  modelRequestsPerMinute: field(
    "HOLDPOINT_MODEL_REQUESTS_PER_MINUTE",
    values.modelAmounts({ star: true }),
    new Map() as ReadonlyMap<string, number>,
    "How many requests all processes together make to a model; `*` is every other model, each for itself. Give every worker the same.",
    "no limit",
  ),
  modelTokensPerMinute: field(
    "HOLDPOINT_MODEL_TOKENS_PER_MINUTE",
    values.modelAmounts({ star: true }),
    new Map() as ReadonlyMap<string, number>,
    "The same for tokens, of questions and answers.",
    "no limit",
  ),
  modelWindows: field(
    "HOLDPOINT_MODEL_WINDOWS",
    values.modelAmounts({ star: false }),
    new Map() as ReadonlyMap<string, number>,
    "How many tokens a model takes, where that is not known of it: what is longer goes to a fallback at once.",
    "those of OpenAI's models",
  ),
  modelCacheSeconds: field(
    "HOLDPOINT_MODEL_CACHE_SECONDS",
    values.wholeNumber(0, 31_622_400),
    0,
    "How long an answer is given again to a tenant that asks the same with temperature 0; 0 is never.",
  ),
  embeddingModel: field(
    "HOLDPOINT_EMBEDDING_MODEL",
    values.embeddingModel(),
    undefined,
    "What makes the vectors by which the store is searched: `openai:` and a model of `OPENAI_BASE_URL`, or a function of texts. Give every process the same.",
    "words alone",
  ),
  embeddingDims: field("HOLDPOINT_EMBEDDING_DIMS", values.wholeNumber(1, 16_000), 1536, "How long its vectors are."),
  embeddingFields: field(
    "HOLDPOINT_EMBEDDING_FIELDS",
    values.paths(),
    ["$"],
    "The paths of an item's value that are embedded, such as `title` and `chapters[*].text`; `$` is all of it.",
  ),
  modelPrices: field(
    "HOLDPOINT_MODEL_PRICES",
    values.modelPrices(),
    new Map<string, { input: number; output: number; cached: number }>(),
    "What models cost for a million tokens, in any one currency: insights then show costs.",
    "",
  ),
  budgetTenantPerDay: field(
    "HOLDPOINT_BUDGET_TENANT_PER_DAY",
    values.budget(),
    undefined,
    "What all graphs together may spend in a day (UTC) on models and paid tools, in tokens, money or both; then their calls are refused until the next. Give every worker the same.",
    "no limit",
  ),
  budgetGraphPerDay: field(
    "HOLDPOINT_BUDGET_GRAPH_PER_DAY",
    values.budgets(),
    new Map() as ReadonlyMap<string, BudgetLimit>,
    "The same for graphs; `*` is every other graph, each for itself.",
    "no limit",
  ),
};
