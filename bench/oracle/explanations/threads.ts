import type { Explanation } from "../explain.ts";

/** Assistants, their versions, drawings and schemas. */
export const ASSISTANTS: readonly Explanation[] = [
  {
    what: "assistants by name",
    why: "They come in the order that was asked for; the development server does not sort by names.",
    where: /assistants are found > search (all|by part|with a page|the last page)/,
  },
  {
    what: "an assistant of a graph that nobody has",
    why: "It could never run.",
    where: /create for an unknown graph\[0\]\.status$/,
  },
  {
    what: "how deep a drawing goes",
    why: "`xray=1` is one level, as the name of the parameter says; the development server draws everything.",
    where: /graph one level deep/,
  },
  {
    what: "schemas that a graph does not have",
    why: "They are null, as in the specification, instead of left out.",
    where: /assistants are described > .*\.(config|config_schema|context_schema)$/,
    dev: /absent/,
    ours: /null/,
  },
];

/** Threads, their states and copies. */
export const THREADS: readonly Explanation[] = [
  {
    what: "members of a thread",
    why: "All of the specification are always there, null or empty until there is something; what went wrong last is `error`.",
    where: /\.(state_updated_at|values|interrupts|error)$/,
    dev: /absent/,
  },
  {
    what: "the header `User-Agent` as a setting of graphs",
    why: "Which headers a graph sees is configured (`http.configurable_headers`); nothing else of a request reaches it, or is kept with its state.",
    where: /user-agent$|\.config\.configurable$/,
    dev: /node/,
  },
  {
    what: "tasks that ask nothing, among a thread's questions",
    why: "`interrupts` names tasks that ask.",
    where: /\.interrupts\.<uuid>$/,
    dev: /^\[\]$/,
  },
  {
    what: "the error of a task",
    why: "Class and message, as a person reads them; the development server gives a text of JSON.",
    where: /\.tasks\[\d+\]\.error$/,
  },
  {
    what: "`checkpoint` of a thread without a state",
    why: "An address without an id, which a client may send back; the type of the clients has no null there.",
    where: /state of an empty thread\[0\]\.body\.(checkpoint|metadata)$/,
  },
  {
    what: "the state at a checkpoint that is not there",
    why: "404: an empty state would be taken for what the thread once was.",
    where: /state at no checkpoint\[0\]\.status$/,
  },
  {
    what: "history before a checkpoint, as the SDK asks for it",
    why: "The SDK sends a config; ours takes it and a checkpoint's id, the development server only the id.",
    where: /history before\[0\]\.status$/,
    dev: /"status":400/,
  },
  {
    what: "an edit's answer",
    why: "It has the address in both of its forms, `checkpoint` and `configurable`, because clients read either.",
    where: /> edit[^>]*\.body\.(checkpoint\.checkpoint_map|configurable)$/,
  },
  {
    what: "who made a checkpoint by an edit",
    why: "An edit is a run of its own, so that it is fenced and audited; its checkpoint says which.",
    where: /metadata\.(run_id|run_attempt)$/,
    dev: /absent/,
  },
  {
    what: "an edit in the name of a node that is not there",
    why: "It is the caller's fault, and the answer names the nodes.",
    where: /edit as an unknown node\[0\]\.status$/,
  },
  {
    what: "metadata of a copy",
    why: "The copy says where it comes from, and keeps what its checkpoints said; a thread's own id is no metadata.",
    where: /(copy\[0\]\.body\.metadata\.(thread_id|forked_from)|history of the copy.*metadata\.checkpoint_map)$/,
  },
  {
    what: "a copy of a thread that is not there",
    why: "404, as everywhere.",
    where: /copy an unknown one\[0\]\.status$/,
  },
  {
    what: "status of a thread made with supersteps",
    why: "A node comes next, so it is `interrupted`, as after every other way to that state.",
    where: /threads are made with supersteps > create\[0\]\.body\.status$/,
  },
];

/** What is written on runs and checkpoints. */
export const METADATA: readonly Explanation[] = [
  {
    what: "what the server says of itself in every checkpoint",
    why: "Nothing that is not true of us (`langgraph_plan: developer`, version 0.0.0); instead the fingerprint of the code that wrote it, which answers are compared by.",
    where: /\.(langgraph_version|langgraph_plan|langgraph_host|graph_fingerprint)$/,
  },
  {
    what: "metadata of the assistant in its runs",
    why: "What somebody wrote on an assistant stays on the assistant; a run names it by `assistant_id`.",
    where: /\.created_by$/,
  },
  {
    what: "graph and assistant in a run's metadata",
    why: "A run's metadata is what its client gave; which assistant it is of is a member of its own.",
    where: /metadata\.(graph_id|assistant_id)$/,
    ours: /absent/,
  },
  {
    what: "settings of a run in its checkpoints' metadata",
    why: "A setting may be a key of somebody's; whoever may read a state need not see it. The run keeps them in `kwargs`.",
    where: /factories > state\[0\]\.body\.metadata\.word$/,
  },
];
