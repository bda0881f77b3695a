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
