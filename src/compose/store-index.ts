import { dirname } from "node:path";
import { z } from "zod";
import type { Config } from "../config.ts";
import { importExport } from "../graphs/import-file.ts";
import type { LoadOptions } from "../graphs/load.ts";
import { createEmbedder } from "../kit/models/embedder.ts";
import type { Database } from "../postgres/database.ts";
import { type Embedder, EmbeddingFailed } from "../postgres/store/embedder.ts";
import { DEFAULT_TERMS, type StoreTerms } from "../postgres/store/terms.ts";
import { prepareVectorIndex } from "../postgres/store/vector-index.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";

/** What items of the store are found by, beside their words: `store.index` of a project. */
interface StoreIndexSettings {
  dims: number;
  /** `openai:` and the name of a model, or a file of the project and its export: `./embed.ts:embed`. */
  embed: string;
  fields?: string[] | undefined;
}

const MOST_DIMS = 16_000;
const settingsSchema = z.object({
  dims: z.number().int().min(1).max(MOST_DIMS),
  embed: z.string().regex(/^.+:.+$/, 'must be like "openai:text-embedding-3-small" or "./embed.ts:embed"'),
  fields: z.array(z.string().min(1).max(500)).min(1).max(100).optional(),
});

/** Throws `configuration_invalid`. */
function readStoreIndex(given: unknown): StoreIndexSettings {
  const read = settingsSchema.safeParse(given);
  if (read.success) return read.data;
  const wrong = read.error.issues.map(
    ({ path, message }) => `store.index${path.map((step) => `.${String(step)}`)}: ${message}`,
  );
  throw new HoldpointError("configuration_invalid", wrong.join("\n"), { facts: { wrong } });
}

/** What a project says of its store, and where it says it. */
export interface ProjectStore {
  index?: unknown;
  /** What its paths begin at. */
  directory: string;
}

/**
 * What makes the vectors that the store is searched by; undefined: by words alone. The environment's word counts before
 * the project's. Throws `configuration_invalid`.
 */
export async function openStoreIndex(
  config: Config,
  { virtualModules }: Pick<LoadOptions, "virtualModules">,
  log: Log,
  project?: ProjectStore,
): Promise<Embedder | undefined> {
  const { embeddingModel, embeddingDims, embeddingFields, workflowsDir } = config;
  if (embeddingModel !== undefined) {
    const settings = { embed: embeddingModel, dims: embeddingDims, fields: embeddingFields };
    return await openEmbedder(settings, config, {
      directory: project?.directory ?? dirname(workflowsDir),
      virtualModules,
      log,
    });
  }
  if (project?.index === undefined) return undefined;
  return await openEmbedder(readStoreIndex(project.index), config, { ...project, virtualModules, log });
}

/** What `store.ttl` of a project says of items that say nothing themselves. */
export function storeTermsOf({ project }: Config): StoreTerms {
  const { default_ttl, refresh_on_read } = project?.store?.ttl ?? {};
  return {
    ttl_minutes: default_ttl ?? DEFAULT_TERMS.ttl_minutes,
    refresh_on_read: refresh_on_read ?? DEFAULT_TERMS.refresh_on_read,
  };
}

/** Where to find what the settings name. */
interface StoreIndexPlace {
  /** What paths begin at. */
  directory: string;
  /** What the project's files see of the host. */
  virtualModules: Readonly<Record<string, unknown>>;
  log: Log;
}

type OpenAISettings = Pick<Config, "openaiApiKey" | "openaiBaseUrl">;

/** Throws `configuration_invalid`. */
async function openEmbedder(
  settings: StoreIndexSettings,
  openai: OpenAISettings,
  place: StoreIndexPlace,
): Promise<Embedder> {
  const { dims, embed, fields = ["$"] } = settings;
  const name = /^openai:(.+)$/.exec(embed)?.[1];
  const embedDocuments = await (name === undefined ? fromFile(embed, place) : fromOpenAI(name, dims, openai));
  return createEmbedder({
    model: `${embed}/${dims}`,
    dims,
    fields,
    embedDocuments,
    failed: (message, isTextRefused, cause) => new EmbeddingFailed(message, isTextRefused, cause),
    onFailure: (reason) =>
      place.log.warn(
        { model: embed, reason },
        "no embeddings: items are kept and embedded later, words answer meanwhile",
      ),
  });
}

type EmbedDocuments = (texts: readonly string[]) => Promise<unknown>;

async function fromOpenAI(
  model: string,
  dims: number,
  { openaiApiKey, openaiBaseUrl }: OpenAISettings,
): Promise<EmbedDocuments> {
  if (openaiApiKey === undefined && openaiBaseUrl === undefined) {
    const message = `the embedding model openai:${model} needs OPENAI_API_KEY, or OPENAI_BASE_URL where no key is asked for`;
    throw new HoldpointError("configuration_invalid", message);
  }
  // Not before: it takes 160 ms that a server without such a model never spends.
  const { OpenAIEmbeddings } = await import("@langchain/openai");
  const client = new OpenAIEmbeddings({
    apiKey: openaiApiKey ?? "none",
    model,
    maxRetries: 0,
    stripNewLines: false,
    // Every endpoint speaks it, and no library makes something else of it.
    encodingFormat: "float",
    // Only these models can be asked for shorter vectors.
    ...(model.startsWith("text-embedding-3") ? { dimensions: dims } : {}),
    ...(openaiBaseUrl === undefined ? {} : { configuration: { baseURL: openaiBaseUrl } }),
  });
  return (texts) => client.embedDocuments([...texts]);
}

async function fromFile(embed: string, { directory, virtualModules }: StoreIndexPlace): Promise<EmbedDocuments> {
  const found = await importExport(embed, { directory, virtualModules });
  if (typeof found === "function") return async (texts) => (await found([...texts])) as unknown;
  const model = found as { embedDocuments?: unknown } | null | undefined;
  if (typeof model?.embedDocuments === "function") {
    return async (texts) => await (model as { embedDocuments: EmbedDocuments }).embedDocuments([...texts]);
  }
  const seen = found === null ? "null" : `a ${typeof found}`;
  throw new HoldpointError(
    "configuration_invalid",
    `the embedding model ${embed} is ${seen}; export a function of texts, or embeddings of LangChain`,
  );
}

/** Says how questions to the store are answered; an index is made in the background. */
export async function announceSearch(database: Database, embedder: Embedder, log: Log): Promise<void> {
  const { model } = embedder;
  try {
    log.info({ model, ...(await prepareVectorIndex(database, embedder)) }, "the store is searched by meaning");
  } catch (error) {
    // The next start looks again, and every search compares with all vectors until then.
    log.warn({ err: error, model, road: "exact" }, "the store is searched by meaning, without an index");
  }
}
