import { START, StateGraph, type StateGraphInit, type StateSchemaFields } from "@langchain/langgraph";
import { BOOKS, booksChannel, writesAtInput } from "./workflow-state.ts";

// biome-ignore lint/suspicious/noExplicitAny: the builder is typed where it is made.
type AnyGraph = StateGraph<any, any, any, any, any, any, any>;
type CompileOptions = NonNullable<Parameters<AnyGraph["compile"]>[0]>;
type Compiled = ReturnType<AnyGraph["compile"]>;
type Writer = Compiled["nodes"]["__start__"]["writers"][number];
type WriterClass = new (writes: readonly object[]) => Writer;
type MapperClass = new (fields: { func: (input: unknown) => unknown; trace: false; recurse: false }) => object;
// How LangGraph's start writes what a graph is given: a mapper makes channels and values of it.
type StartWriter = Writer & { writes: [{ value: unknown; mapper: object }] };

/** What a graph of `workflow()` is told beside its schemas. */
export interface WorkflowTerms {
  name: string;
  description: string;
  loopLimit: number;
  /** The keys that begin anew with each input. */
  fresh: StateSchemaFields | undefined;
}

const OWN_STEPS = 10;

/**
 * A StateGraph with the kit's books: a channel of its own, which is in no schema and no output. A compiled graph begins new
 * books and a new trail with each input, and lets the loop limit end a loop before LangGraph's limit of steps does.
 */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export class WorkflowGraph extends StateGraph<any, any, any, any, any, any, any> {
  readonly #terms: WorkflowTerms;

  constructor(init: object, terms: WorkflowTerms) {
    super(init as StateGraphInit as never);
    this.channels[BOOKS] = booksChannel();
    this.#terms = terms;
  }

  override compile(options: CompileOptions = {}): never {
    const { name, description, loopLimit, fresh } = this.#terms;
    const compiled = super.compile({ name, description, ...options }) as Compiled;
    compiled.streamChannels = Object.keys(this.channels).filter((key) => key !== BOOKS);
    const { writers } = compiled.nodes[START] as Compiled["nodes"][string];
    const start = writers[0] as StartWriter;
    const [{ value, mapper }] = start.writes;
    const ChannelWrite = start.constructor as WriterClass;
    const Mapper = mapper.constructor as MapperClass;
    const atInput = new Mapper({ func: writesAtInput(fresh), trace: false, recurse: false });
    writers.push(new ChannelWrite([{ value, mapper: atInput }]));
    compiled.config = { ...compiled.config, recursionLimit: Object.keys(this.nodes).length * loopLimit + OWN_STEPS };
    return compiled as never;
  }
}
