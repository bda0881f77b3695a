import {
  BaseStore,
  type GetOperation,
  type Item,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchItem,
  type SearchOperation,
} from "@langchain/langgraph-checkpoint";
import type { Database } from "../database.ts";
import type { Lease } from "../fence.ts";
import type { Embedder } from "./embedder.ts";
import { findNamespaces, type ItemPut, readItem, type StoredItem, writeItems } from "./items.ts";
import { searchStore } from "./search.ts";
import { DEFAULT_TERMS, type StoreTerms, withTerms } from "./terms.ts";

/** The store that a graph is given: LangGraph's interface upon holdpoint.store_item. */
export class HoldpointStore extends BaseStore {
  readonly #database: Database;
  readonly #tenant_id: string;
  readonly #lease: Lease | undefined;
  readonly #embedder: Embedder | undefined;
  readonly #terms: StoreTerms;

  /**
   * With a lease it writes only while that is held, and is refused with `lease_lost` then. With an embedder items are
   * found by what they mean.
   */
  constructor(
    database: Database,
    tenant_id: string,
    lease?: Lease,
    {
      embedder,
      storeTerms = DEFAULT_TERMS,
    }: { embedder?: Embedder | undefined; storeTerms?: StoreTerms | undefined } = {},
  ) {
    super();
    this.#database = database;
    this.#tenant_id = tenant_id;
    this.#lease = lease;
    this.#embedder = embedder;
    this.#terms = storeTerms;
  }

  /** Reads first, then writes: nothing that is read here has been written here. */
  async batch<Operations extends Operation[]>(operations: Operations): Promise<OperationResults<Operations>> {
    const results = await Promise.all(operations.map((operation) => this.#read(operation)));
    const puts = operations.filter(isPut).map((put) => withTerms(put as ItemPut, this.#terms));
    if (puts.length > 0) await writeItems(this.#database, this.#tenant_id, puts, this.#lease, this.#embedder);
    return results as OperationResults<Operations>;
  }

  async #read(operation: Operation): Promise<Item | SearchItem[] | string[][] | null | undefined> {
    if (isPut(operation)) return undefined;
    const isKept = this.#terms.refresh_on_read;
    if (isSearch(operation)) {
      const { namespacePrefix, filter, query, limit = 10, offset = 0 } = operation;
      const search = { namespace_prefix: namespacePrefix, filter, query, limit, offset };
      const options = { isKept, embedder: this.#embedder };
      const { items } = await searchStore(this.#database, this.#tenant_id, search, options);
      return items.map(({ score, ...item }) => ({ ...asItem(item), ...(score === null ? {} : { score }) }));
    }
    if (isGet(operation)) {
      const item = await readItem(this.#database, this.#tenant_id, operation, isKept);
      return item === undefined ? null : asItem(item);
    }
    const { matchConditions = [], maxDepth, limit, offset } = operation;
    const conditions = matchConditions.map(({ matchType, path }) => ({ path, at_end: matchType === "suffix" }));
    const depth = maxDepth === undefined ? {} : { max_depth: maxDepth };
    return await findNamespaces(this.#database, this.#tenant_id, { conditions, ...depth, limit, offset });
  }
}

// LangGraph tells its operations apart by their members.
const isPut = (operation: Operation): operation is PutOperation => "value" in operation;
const isSearch = (operation: Operation): operation is SearchOperation => "namespacePrefix" in operation;
const isGet = (operation: Exclude<Operation, PutOperation | SearchOperation>): operation is GetOperation =>
  "key" in operation;

const asItem = ({ namespace, key, value, created_at, updated_at }: StoredItem): Item => ({
  namespace,
  key,
  value,
  createdAt: new Date(created_at),
  updatedAt: new Date(updated_at),
});
