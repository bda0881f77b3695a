import type { Explanation } from "../explain.ts";

/** Runs that nobody watches. */
export const RUNS: readonly Explanation[] = [
  {
    what: "`kwargs` of a run",
    why: "What the client sent, as it will be executed; what the server adds is not among it.",
    where: /\.kwargs(\.|$)/,
  },
  {
    what: "why a run was stopped",
    why: "It is told as the production server tells it, with who stopped it.",
    where: /\.cancel_reason$/,
    dev: /absent/,
  },
  {
    what: "runs that meet on a thread, when nothing is said",
    why: "They queue, as in the specification and the newer protocol; nobody loses one that did not ask for that.",
    where: /(\.multitask_strategy|by default\[0\]\.status)$/,
    dev: /"reject"|"status":422/,
  },
  {
    what: "a run that is refused because the thread is busy",
    why: "409, as in the specification; 422 is for a request that is wrong in itself.",
    where: /\.status$/,
    dev: /"status":422/,
    ours: /"status":409/,
  },
  {
    what: "`select` of runs",
    why: "It is heeded: only what was asked for.",
    where: /list with select/,
  },
  {
    what: "a run on a thread that is not there",
    why: "404: the development server says that the thread is busy.",
    where: /on an unknown thread\[0\]\.status$/,
  },
  {
    what: "input that does not fit the graph's schema",
    why: "It is refused before anything is queued; the development server starts a run that fails.",
    where: /with input of the wrong type\[0\]\.status$/,
  },
  {
    what: "to wait for a run that is not there",
    why: "404 instead of a result.",
    where: /(join an unknown one|an unknown one)\[0\]\.status$/,
    ours: /"status":404/,
  },
  {
    what: "a run is removed that others have gone on from",
    why: "Its checkpoints carry theirs; 409 says which. The newest run can be removed.",
    where: /remove one that others went on from/,
  },
  {
    what: "the error of a failed run",
    why: "Class and message; the development server puts both, as JSON, into a message of class `Error`.",
    where: /__error__\.(error|message)$/,
    dev: /^"(Error|\{)/,
  },
  {
    what: "a question of a run without a thread",
    why: "The question is shown; the development server runs it without a checkpointer, so it fails.",
    where: /wait for one that asks\[0\]\.body/,
  },
  {
    what: "a cancellation that nobody waits for",
    why: "`wait=0` means no.",
    where: /> cancel\[0\]\.status$/,
    ours: /"status":202/,
  },
  {
    what: "a run that is taken back",
    why: "It is gone, and so are its checkpoints: the thread is as it was before.",
    where: /(the run after that|the one before that|the state after that|> rollback)\[0\]/,
  },
];

/** Runs that ask a person. */
export const QUESTIONS: readonly Explanation[] = [
  {
    what: "an answer to a question that nobody asks",
    why: "409 with those that are open; otherwise a graph would go on with somebody's answer to something else.",
    where: /answer to an unknown question\[0\]\.status$/,
  },
  {
    what: "several questions at the same time",
    why: "All of them are in the result; the development server gives the last that it streamed.",
    where: /asks two questions > wait\[0\]\.body\.__interrupt__/,
  },
  {
    what: "one value for several questions",
    why: "409: each is answered by its id, because one word may mean yes to the one and something else to the other.",
    where: /asks two questions/,
  },
];

/** Runs that are watched. */
export const STREAMS: readonly Explanation[] = [
  {
    what: "ids of events",
    why: "They are those under which the events are stored, gap-free per thread, so that a client comes back at any time, to any process. What only announces the run is not stored and has none.",
    where: /\[\d+:[^\]]+\]\.id$/,
  },
  {
    what: "a joined stream of a run that has ended",
    why: "Everything is replayed, for as long as the run is kept; the development server gives what nobody has read yet, once.",
    where: /who comes later > (everything|after an event|without naming an event|one that is not resumable)/,
  },
  {
    what: "the client looks how the run stands",
    why: "A stream that has a `Location` and ends without `end` may have been cut, so SDK 1.15 asks once more; `end` is sent to who asks for it.",
    where: /by the client\.length$/,
  },
  {
    what: "a mode that was not asked for",
    why: "Only what was asked for is shown; the development server shows its own `checkpoints` with subgraphs.",
    where: /subgraphs > shown: true\[0\]\.body\.events$/,
    dev: /"checkpoints"/,
  },
  {
    what: "`events` of what LangGraph does inside",
    why: "Nodes, models and tools are told of; the graph itself and its channels are not, because watching them costs every node.",
    where: /every mode > events\[0\]\.body\.events$/,
  },
  {
    what: "members of `checkpoints` and `debug` events",
    why: "They are as LangGraph gives them, with the addresses that clients send back.",
    where: /every mode > (checkpoints|debug|tasks)\[0\]\.body\[\d+:\w+\]\.data\./,
  },
  {
    what: "tags of a message",
    why: "The list is there when it is empty.",
    where: /messages\/metadata\].*\.tags$/,
    ours: /^\[\]$/,
  },
];
