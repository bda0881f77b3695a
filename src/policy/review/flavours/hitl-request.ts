// The request of LangChain's human-in-the-loop middleware, which both languages write alike but for the spelling of its keys.
import type { DecisionType, ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import type { Question, StoredPause } from "./form.ts";
import { isName, isRecord, namesInTitle, optionalText, own } from "./shape.ts";

/** How a language spells the request; several spellings of one key are tried in order. */
export interface HitlSpelling {
  requests: string;
  configs: string;
  args: readonly string[];
  configName: string;
  configAllowed: string;
  configSchema: readonly string[];
  /** The answers that the middleware of this language takes. */
  words: readonly DecisionType[];
}

/** As many as one answer can decide. */
export const MAX_ACTIONS = 100;

/** What the request shows, or undefined when the value is no such request, or only nearly one. */
export function hitlQuestion(pause: StoredPause, spelling: HitlSpelling): Question | undefined {
  const { value } = pause;
  if (!isRecord(value)) return undefined;
  const requests = own(value, spelling.requests);
  const configs = own(value, spelling.configs);
  if (!Array.isArray(requests) || !Array.isArray(configs)) return undefined;
  if (requests.length === 0 || requests.length > MAX_ACTIONS || configs.length !== requests.length) return undefined;
  const actions: ReviewAction[] = [];
  for (const [index, request] of requests.entries()) {
    const action = actionOf(request as Json, configs[index] as Json, index, spelling);
    if (action === undefined) return undefined;
    actions.push(action);
  }
  const names = namesInTitle(actions.map(({ name }) => name));
  return { title: `${pause.graph_id}: wants to call ${names}`, description: "", actions, shown: value };
}

function actionOf(request: Json, config: Json, index: number, spelling: HitlSpelling): ReviewAction | undefined {
  if (!isRecord(request) || !isRecord(config)) return undefined;
  const name = own(request, "name");
  const args = firstOf(request, spelling.args);
  const description = optionalText(own(request, "description"));
  if (!isName(name) || !isRecord(args) || description === false) return undefined;
  const allowed = allowedOf(own(config, spelling.configAllowed), spelling.words);
  const schema = firstOf(config, spelling.configSchema) ?? undefined;
  if (own(config, spelling.configName) !== name || allowed.length === 0) return undefined;
  if (schema !== undefined && !isRecord(schema)) return undefined;
  return {
    index,
    name,
    args: args as Json,
    allowed,
    ...(description === undefined ? {} : { description }),
    // It is about edited arguments; where a response is the only answer it would be taken for the response's.
    ...(schema === undefined || !allowed.includes("edit") ? {} : { args_schema: schema as Record<string, Json> }),
  };
}

/** The words both sides know, each once; none when they are not a list of words. */
function allowedOf(given: unknown, words: readonly DecisionType[]): DecisionType[] {
  if (!Array.isArray(given) || !given.every((word) => typeof word === "string")) return [];
  return words.filter((word) => given.includes(word));
}

function firstOf(record: Record<string, unknown>, keys: readonly string[]): unknown {
  return keys.map((key) => own(record, key)).find((member) => member !== undefined);
}
