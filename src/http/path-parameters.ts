import { z } from "zod";
import { uuidSchema } from "../protocol/json.ts";
import { invalid } from "./failure.ts";
import { checkWith, textSchema } from "./read-request.ts";

/** Every parameter that a path may have: what it must be, and what it stands for. */
export const PATH_PARAMETERS: Readonly<Record<string, { schema: z.ZodType<string>; description: string }>> = {
  api_key_id: { schema: uuidSchema, description: "An API key." },
  assistant_id: { schema: z.string(), description: "An assistant, by its UUID or by the name of its graph." },
  checkpoint_id: { schema: uuidSchema, description: "A checkpoint of the thread." },
  cron_id: { schema: uuidSchema, description: "A cron." },
  delivery_id: { schema: uuidSchema, description: "A delivery." },
  effect_id: { schema: uuidSchema, description: "An effect." },
  graph_id: { schema: textSchema, description: "A graph." },
  group_id: { schema: uuidSchema, description: "The reviews that one run has opened together." },
  namespace: { schema: z.string(), description: "The path of a subgraph." },
  review_id: { schema: uuidSchema, description: "A review." },
  run_id: { schema: uuidSchema, description: "A run." },
  secret: { schema: z.string(), description: "The secret of a link." },
  thread_id: { schema: uuidSchema, description: "A thread." },
  ticket_id: { schema: uuidSchema, description: "A ticket." },
};

/** The parameters of a path as they are meant: a UUID in lower case. Throws `invalid`. */
export function readParameters(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, readParameter(name, value)]));
}

function readParameter(name: string, value: string): string {
  const schema = PATH_PARAMETERS[name]?.schema ?? textSchema;
  const checked = checkWith(schema, value);
  if (checked.ok) return checked.value;
  if (schema !== uuidSchema) throw invalid(checked.faults);
  throw invalid([{ pointer: "", message: `${name} must be a UUID, not ${JSON.stringify(value.slice(0, 100))}` }]);
}
