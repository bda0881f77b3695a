import type pg from "pg";
import type { NetworkPort } from "../kit/outside.ts";
import type { FoundPage, SearchProvider } from "../kit/tools/search/provider.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
import { tapedNetwork } from "./cassette-http.ts";
import { longestFirst, withoutSecrets } from "./cassette-secrets.ts";
import { tapedPool } from "./cassette-sql.ts";
import { type CassetteMode, openTape, type Recorded } from "./cassette-tape.ts";

/** What the outside has answered once, to be answered again. */
export interface Cassette {
  /** A pool; the real one is needed only where something is recorded. */
  database(name: string, pool?: pg.Pool): pg.Pool;
  /** The network of HTTP tools, and of searches that go over it. */
  network(network?: NetworkPort): NetworkPort;
  /** A search of the web. */
  search(provider?: SearchProvider): SearchProvider;
  /** What is recorded and was not asked for. */
  readonly unused: readonly Recorded[];
}

/** What must not be in the file, beside what says by its name that it is secret. */
export interface CassetteOptions {
  secrets?: readonly string[];
}

const MODES: readonly CassetteMode[] = ["replay", "record", "auto"];

/**
 * Records what databases, HTTP and searches answer in a readable file, and answers from it: `replay` asks nobody, `record`
 * everybody, `auto` only for what is not recorded. Headers of requests and cookies are never written, nor are values whose
 * names say that they are secret.
 */
export function cassette(path: string, mode: CassetteMode = "replay", options: CassetteOptions = {}): Cassette {
  if (!MODES.includes(mode))
    throw new HoldpointError(
      "invalid",
      `cassette() was given the mode ${JSON.stringify(mode)}; give one of ${MODES.join(", ")}`,
    );
  const tape = openTape(path, mode);
  const secrets = longestFirst(options.secrets ?? []);
  return {
    database: (name, pool) => tapedPool(tape, name, pool, secrets),
    network: (network) => tapedNetwork(tape, network, secrets),
    search(provider) {
      const name = provider?.name ?? "cassette";
      return {
        name,
        ...(provider?.scope === undefined ? {} : { scope: provider.scope }),
        async search({ query, count, signal }) {
          const ask = async (): Promise<JsonObject> => {
            const found = (await provider?.search({ query, count, signal })) ?? [];
            return { found: withoutSecrets(JSON.parse(JSON.stringify(found)) as Json, secrets) };
          };
          const answer = await tape.answer("search", { query, count }, provider === undefined ? undefined : ask);
          return answer["found"] as unknown as FoundPage[];
        },
      };
    },
    get unused() {
      return tape.unused;
    },
  };
}
