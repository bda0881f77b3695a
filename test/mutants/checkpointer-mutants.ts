import { type Mutant, TESTS } from "./mutant.ts";

const FOLDER = "src/postgres/checkpointer";

/** Faults in how state is stored, read, written behind and cleaned up. */
export const CHECKPOINTER_MUTANTS: readonly Mutant[] = [
  // Values.
  {
    name: "an object of the user's is taken for one of ours",
    file: `${FOLDER}/encode.ts`,
    find: 'return Object.hasOwn(value, TAG) ? tagged("object", plain ?? value) : (plain ?? value);',
    replace: "return plain ?? value;",
    tests: [TESTS.values],
  },
  {
    name: "a field called __proto__ becomes a prototype",
    file: `${FOLDER}/encode.ts`,
    find: 'if (key === "__proto__") {',
    replace: 'if (key === "__prototype__") {',
    tests: [TESTS.values],
  },
  {
    name: "a message is stored as it was made",
    file: `${FOLDER}/messages.ts`,
    find: "fields[key] = key in message ? message[key] : message.lc_kwargs[key];",
    replace: "fields[key] = message.lc_kwargs[key];",
    tests: [TESTS.messages],
  },
  {
    name: "what is set on a message later is lost",
    file: `${FOLDER}/messages.ts`,
    find: '["id", "name", "usage_metadata", "status", "artifact"]',
    replace: '["id"]',
    tests: [TESTS.messages],
  },
  {
    name: "a channel is taken for a special one by its inherited name",
    file: `${FOLDER}/put-writes.ts`,
    find: "Object.hasOwn(WRITES_IDX_MAP, channel) ? WRITES_IDX_MAP[channel] : undefined;",
    replace: "WRITES_IDX_MAP[channel];",
    tests: [TESTS.identifiers],
  },
  // Chains.
  {
    name: "a member that was removed comes back",
    file: `${FOLDER}/keyed.ts`,
    find: "if (!after.has(key)) lines.push(`-${key}`);",
    replace: "if (!after.has(key)) continue;",
    tests: [TESTS.property],
  },
  {
    name: "a list of checkpoints brings removed members back",
    file: `${FOLDER}/list.ts`,
    find: "if (member.isRemoved) delete object[member.name];",
    replace: "if (member.isRemoved) continue;",
    tests: [TESTS.property],
  },
  {
    name: "members come back in another order",
    file: `${FOLDER}/keyed.ts`,
    find: "if (ordered[next] !== key) return false;",
    replace: "if (ordered[next] === undefined) return false;",
    tests: [TESTS.property],
  },
  {
    name: "a member's key ends at any quotation mark",
    file: `${FOLDER}/keyed.ts`,
    find: "while (end > 0 && isEscaped(line, end)) end",
    replace: "while (end > 0 && end === 0) end",
    tests: [TESTS.property],
  },
  {
    name: "what was cut off a list comes back",
    file: `${FOLDER}/pieces.ts`,
    find: "    elements.length = keep;\n",
    replace: "",
    tests: [TESTS.property],
  },
  {
    name: "an object is stored whole when one member changes",
    file: `${FOLDER}/pieces.ts`,
    find: "if (change === undefined || change.kept === 0)",
    replace: "if (change === undefined || change.kept >= 0)",
    tests: [TESTS.counts],
  },
  {
    name: "a chain never starts anew",
    file: `${FOLDER}/chains.ts`,
    find: "if (deltaCharacters <= Math.max(previous.snapshotCharacters, MIN_DELTA_CHARACTERS)) {",
    replace: "if (deltaCharacters > 0) {",
    tests: [TESTS.counts],
  },
  {
    name: "two branches extend one chain",
    file: `${FOLDER}/put.ts`,
    find: "if (!isChainTaken(error)) throw error;",
    replace: "throw error;",
    tests: [TESTS.chains],
  },
  {
    name: "heads in memory are never let go",
    file: `${FOLDER}/head-cache.ts`,
    find: "while (bytes > maxBytes) evictOldest();",
    replace: "while (bytes < 0) evictOldest();",
    tests: [TESTS.entry],
  },
  // Written behind.
  {
    name: "an effect does not wait for its checkpoint",
    file: "src/runtime/effect-port.ts",
    find: "await saver.durable(checkpoint_ids, signal, CHECKPOINT_WAIT_MS);",
    replace: "if (checkpoint_ids.length > 1e9) await saver.durable(checkpoint_ids, signal, CHECKPOINT_WAIT_MS);",
    tests: [TESTS.storedFirst],
  },
  {
    name: "a saver does not see what it has taken",
    file: `${FOLDER}/fenced-saver.ts`,
    find: "    await this.flush();\n    const tuple",
    replace: "    const tuple",
    tests: [TESTS.writeBehind],
  },
  {
    name: "what was written behind a taken chain is not repaired",
    file: `${FOLDER}/write-behind.ts`,
    find: "if (branch.repair === undefined && !isChainTaken(error)) throw error;",
    replace: "if (branch.repair === undefined) throw error;",
    tests: [TESTS.writeBehind],
  },
  {
    name: "a flush does not say what was refused",
    file: `${FOLDER}/write-behind.ts`,
    find: "    await Promise.all(uncommitted);\n    throwIfFailed();\n",
    replace: "    await Promise.all(uncommitted);\n",
    tests: [TESTS.writeBehind],
  },
  // Cleaned up.
  {
    name: "a deleted thread leaves no tombstone",
    file: `${FOLDER}/delete.sql.ts`,
    find: "set deleted_at = coalesce(deleted_at, holdpoint.now()), next_at = holdpoint.now(), lease_worker_id = null,",
    replace: "set lease_worker_id = null,",
    tests: [TESTS.deleteThread],
  },
  {
    name: "what somebody is about to come back to is pruned",
    file: `${FOLDER}/prune-plan.ts`,
    find: "(pins.has(node.checkpoint_id) || isYoung(node, rules))",
    replace: "isYoung(node, rules)",
    tests: [TESTS.prune],
  },
  {
    name: "the ancestors of a delta channel are pruned",
    file: `${FOLDER}/prune-plan.ts`,
    find: "const needed = deltaNeeds(forest, kept, marks);",
    replace: "const needed = deltaNeeds(forest, new Set(), marks);",
    tests: [TESTS.pruneDelta],
  },
  {
    name: "pruning takes no lock",
    file: `${FOLDER}/prune.ts`,
    find: "    lockThread(thread_id),\n    selectNodes(",
    replace:
      '    { name: "planted", text: "select 1", values: [] } as ReturnType<typeof lockThread>,\n    selectNodes(',
    tests: [TESTS.maintenanceRaces],
  },
  {
    name: "a rollback leaves what was recorded elsewhere",
    file: `${FOLDER}/delete-runs.ts`,
    find: "await tx.one(takeBackWrites(tenant_id, thread_id, wanted));",
    replace: "{ deleted: 0 };",
    tests: [TESTS.deleteRuns],
  },
  {
    name: "a rollback takes away what another run stands on",
    file: `${FOLDER}/delete-runs-plan.ts`,
    find: "  if (lost === undefined) return;\n",
    replace: "  if (lost !== null) return;\n",
    tests: [TESTS.deleteRunsRefused],
  },
];
