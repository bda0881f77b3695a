// What the lease and the decision protocol promise, for one thread, without locks, clocks or rows.

/** One thing that happens to a thread. Leases are counted from the newest, so that 1 and more are those of zombies. */
export type Action =
  | { type: "input" }
  | { type: "claim" }
  | { type: "put"; lease: number }
  | { type: "finish"; lease: number; ask: boolean }
  | { type: "pass" }
  /** With `wait`, the lease has time to run out first. */
  | { type: "reap"; wait: boolean }
  | { type: "decide"; by: string; review: number }
  | { type: "cancel"; run: number };

interface ModelRun {
  status: "pending" | "running" | "success" | "error" | "interrupted";
  /** The review whose answer it carries. */
  carries: ModelReview | null;
  isCancelled: boolean;
  lostLeases: number;
  hasProgressed: boolean;
}

interface ModelReview {
  status: "open" | "decided" | "resuming" | "closed" | "resume_failed" | "superseded" | "cancelled";
  asker: ModelRun;
  decidedBy: string | null;
}

/** The thread as it should be. */
export interface Model {
  guarded: boolean;
  status: "idle" | "busy" | "interrupted" | "error";
  epoch: number;
  /** Who holds the lease, and whether its time is over: until it is taken back it is still held. */
  held: { run: ModelRun; isOver: boolean } | null;
  /** The epoch of every lease that was ever given. */
  leases: number[];
  runs: ModelRun[];
  reviews: ModelReview[];
  checkpoints: number;
}

/** A thread that nobody has used yet. */
export function newModel(guarded: boolean): Model {
  return { guarded, status: "idle", epoch: 0, held: null, leases: [], runs: [], reviews: [], checkpoints: 0 };
}

/** What of a thread is compared. */
export function shown({ status, epoch, runs, reviews, checkpoints }: Model) {
  return {
    status,
    epoch,
    runs: runs.map((run) => run.status),
    reviews: reviews.map((review) => `${review.status} by ${review.decidedBy ?? "nobody"}`),
    checkpoints,
  };
}

/** Counts from the newest. */
export const newest = <Item>(items: readonly Item[], back: number): Item =>
  items[Math.max(0, items.length - 1 - back)] as Item;

const isOpen = ({ status }: ModelRun) => status === "pending" || status === "running";
const nextOf = (model: Model) => model.runs.find(isOpen);
const openReviews = ({ reviews }: Model) => reviews.filter(({ status }) => status === "open");

function rest(model: Model, otherwise: Model["status"]): void {
  model.status = nextOf(model) === undefined ? otherwise : "busy";
}

/** Does to the model what happens, and says how it ends: `ok`, `nothing`, or the code of the refusal. */
export function predict(model: Model, action: Action): string {
  switch (action.type) {
    case "input":
      return input(model);
    case "claim":
      return claim(model);
    case "put":
      return put(model, action.lease);
    case "finish":
      return finish(model, action.lease, action.ask);
    case "pass":
      return pass(model);
    case "reap":
      if (action.wait) pass(model);
      return reap(model);
    case "decide":
      return decide(model, newest(model.reviews, action.review), action.by);
    case "cancel":
      return cancel(model, newest(model.runs, action.run));
  }
}

function newRun(model: Model, carries: ModelReview | null): void {
  model.runs.push({ status: "pending", carries, isCancelled: false, lostLeases: 0, hasProgressed: false });
  model.status = "busy";
}

/** New input leaves the open question behind; on a guarded graph the question comes first. */
function input(model: Model): string {
  const isLive = model.reviews.some(({ status }) => ["open", "decided", "resuming"].includes(status));
  if (model.guarded && isLive) return "guarded";
  for (const review of model.reviews) {
    if (review.status === "open" || review.status === "resume_failed") review.status = "superseded";
  }
  newRun(model, null);
  return "ok";
}

/** One runner, in queue order; a run that was queued before a question was asked does not walk past it. */
function claim(model: Model): string {
  const next = nextOf(model);
  if (next?.status !== "pending") return "nothing";
  if (next.carries === null && openReviews(model).length > 0) {
    if (model.guarded) {
      next.status = "error";
      rest(model, "interrupted");
      return "nothing";
    }
    for (const review of openReviews(model)) review.status = "superseded";
  }
  next.status = "running";
  model.epoch += 1;
  model.leases.push(model.epoch);
  model.held = { run: next, isOver: false };
  if (next.carries !== null) next.carries.status = "resuming";
  return "ok";
}

/** Only the last lease writes, and only until it is taken back. */
function put(model: Model, lease: number): string {
  if (model.held === null || newest(model.leases, lease) !== model.epoch) return "lease_lost";
  model.checkpoints += 1;
  model.held.run.hasProgressed = true;
  return "ok";
}

function finish(model: Model, lease: number, ask: boolean): string {
  if (ask && put(model, lease) !== "ok") return "lease_lost";
  if (model.held === null || newest(model.leases, lease) !== model.epoch) return "lease_lost";
  const { run } = model.held;
  const asks = ask && !run.isCancelled;
  run.status = ask && run.isCancelled ? "interrupted" : "success";
  if (run.carries !== null) run.carries.status = "closed";
  if (asks) model.reviews.push({ status: "open", asker: run, decidedBy: null });
  release(model);
  rest(model, asks ? "interrupted" : "idle");
  return "ok";
}

function release(model: Model): void {
  model.epoch += 1;
  model.held = null;
}

const LOST_LEASES_AT_MOST = 5;

function pass(model: Model): string {
  if (model.held !== null) model.held.isOver = true;
  return "ok";
}

/** A lease that is over is taken back: its run waits for another worker, or ends when nobody gets anywhere with it. */
function reap(model: Model): string {
  if (model.held === null || !model.held.isOver) return "nothing";
  const { run } = model.held;
  release(model);
  if (run.isCancelled) {
    stop(model, run);
    return "cancelled";
  }
  run.lostLeases = (run.hasProgressed ? 0 : run.lostLeases) + 1;
  run.hasProgressed = false;
  if (run.lostLeases < LOST_LEASES_AT_MOST) {
    run.status = "pending";
    return "lose_lease";
  }
  run.status = "error";
  if (run.carries !== null) run.carries.status = "resume_failed";
  rest(model, "error");
  return "poison";
}

/** The first answer stands and queues the run that carries it; who gave it may give it again. */
function decide(model: Model, review: ModelReview, by: string): string {
  if (review.status === "cancelled") return "cancelled";
  if (review.decidedBy === by) return "ok";
  if (review.decidedBy !== null) return "already_decided";
  if (review.status === "superseded") return "superseded";
  if (model.runs.some((run) => isOpen(run) && run.carries === null)) return "superseded";
  review.status = "decided";
  review.decidedBy = by;
  newRun(model, review);
  return "ok";
}

function cancel(model: Model, run: ModelRun): string {
  if (run.status === "running") run.isCancelled = true;
  else if (run.status === "pending") stop(model, run);
  else if (model.status === "interrupted") takeBack(model, run);
  return "ok";
}

/** Ends a run that nobody executes, and with it the answer that it carries. */
function stop(model: Model, run: ModelRun): void {
  run.status = "interrupted";
  if (run.carries !== null) run.carries.status = "cancelled";
  rest(model, openReviews(model).length > 0 ? "interrupted" : "idle");
}

/** Takes back the question that a run has left. */
function takeBack(model: Model, run: ModelRun): void {
  const own = openReviews(model).filter(({ asker }) => asker === run);
  if (own.length === 0) return;
  for (const review of own) review.status = "cancelled";
  run.status = "interrupted";
  rest(model, openReviews(model).length > 0 ? "interrupted" : "idle");
}
