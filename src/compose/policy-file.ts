import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Config } from "../config.ts";
import type { PolicyOf } from "../policy/review/open.ts";
import { formatFault, NO_POLICY, type PolicyFile, parsePolicyFile } from "../policy/review/policy-file.ts";
import { settlePolicy } from "../policy/review/policy-settle.ts";
import { type FileFault, MAX_POLICY_BYTES } from "../policy/review/policy-yaml.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { DEFAULT_REVIEW_POLICY } from "../protocol/review-policy.ts";
import type { Log } from "../telemetry/log.ts";

/** Where the configuration looks for the policy file. */
export type PolicyPlaces = Pick<Config, "policyFile" | "policyPlaces">;

/** A policy file as it was read: what it says, or line by line what is wrong with it. */
export type ReadPolicy = { path: string } & ({ ok: true; value: PolicyFile } | { ok: false; faults: FileFault[] });

/** What surrounds each question by the policy that holds now. */
export interface OpenPolicy {
  policyOf: PolicyOf;
  /** The file as it was read at the start, in a few words; null without one. */
  summary: string | null;
  close(): void;
}

/** What following the file needs. */
export interface FollowOptions {
  progress: (message: string) => void;
  log: Log;
  /** How long it must have been quiet; 100 ms unless given. */
  debounceMs?: number;
}

/** Reads the policy file; undefined where none was named and none is there. Throws `policy_invalid` where the named one is not. */
export async function readPolicyFile({ policyFile, policyPlaces }: PolicyPlaces): Promise<ReadPolicy | undefined> {
  if (policyFile !== undefined) return await readPolicyAt(policyFile);
  for (const path of policyPlaces) {
    const isThere = await stat(path).then(
      () => true,
      // What is there and cannot be looked at is no reason to go on without rules.
      (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
    );
    if (isThere) return await readPolicyAt(path);
  }
  return undefined;
}

/** Reads one policy file, which has to be there. */
export async function readPolicyAt(path: string): Promise<ReadPolicy> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return wrong(path, "is not a file");
    if (found.size > MAX_POLICY_BYTES) return wrong(path, `is larger than ${MAX_POLICY_BYTES / 1024} KB`);
    const bytes = await readFile(path);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { path, ...parsePolicyFile(text) };
  } catch (cause) {
    if (cause instanceof TypeError) return wrong(path, "is not UTF-8 text");
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldpointError("policy_invalid", `cannot read the policy file ${path}: ${reason}`, { cause });
  }
}

/** The policy as it is at the start; with a broken file there is no start. Throws `policy_invalid`. */
export async function openPolicy(
  places: PolicyPlaces & Pick<Config, "reviewDueHours">,
  follow: FollowOptions | undefined,
): Promise<OpenPolicy> {
  const first = await usable(places);
  const summary = first === undefined ? null : `${ruleCount(first.value)} in ${first.path}`;
  let policy = first?.value ?? NO_POLICY;
  const base = { ...DEFAULT_REVIEW_POLICY, due_after_seconds: Math.ceil(places.reviewDueHours * 3600) };
  const policyOf: PolicyOf = (question) => settlePolicy(question, policy, base);
  if (follow === undefined) return { policyOf, summary, close() {} };
  const reload = async () => {
    try {
      const next = (await usable(places))?.value ?? NO_POLICY;
      if (JSON.stringify(next) === JSON.stringify(policy)) return;
      policy = next;
      follow.progress(`policy loaded again: ${ruleCount(policy)}`);
    } catch (error) {
      follow.progress(`${(error as Error).message}; the last good policy goes on`);
      follow.log.error({ err: error }, "the policy file is broken");
    }
  };
  const watchers = watchPlaces(places, follow.debounceMs ?? 100, reload);
  return { policyOf, summary, close: () => watchers.close() };
}

function ruleCount({ rules }: PolicyFile): string {
  return `${rules.length} ${rules.length === 1 ? "rule" : "rules"}`;
}

async function usable(places: PolicyPlaces): Promise<(ReadPolicy & { ok: true }) | undefined> {
  const read = await readPolicyFile(places);
  if (read === undefined || read.ok) return read;
  const [first, ...more] = read.faults;
  const rest = more.length === 0 ? "" : ` (and ${more.length} more: holdpoint policy check lists them)`;
  throw new HoldpointError(
    "policy_invalid",
    `${first === undefined ? read.path : formatFault(read.path, first)}${rest}`,
    { facts: { path: read.path, faults: read.faults } },
  );
}

function watchPlaces({ policyFile, policyPlaces }: PolicyPlaces, debounceMs: number, reload: () => Promise<void>) {
  const paths = policyFile === undefined ? policyPlaces : [policyFile];
  let timer: NodeJS.Timeout | undefined;
  let reading = Promise.resolve();
  const changed = () => {
    clearTimeout(timer);
    // One at a time: an edit while it is read is read afterwards.
    timer = setTimeout(() => {
      reading = reading.then(reload);
    }, debounceMs);
  };
  const names = new Set(paths.map((path) => basename(path)));
  const watchers = [...new Set(paths.map(dirname))].flatMap((folder): FSWatcher[] => {
    try {
      // The folder, because editors put a new file in the place of the old one.
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || names.has(name)) changed();
      });
      watcher.on("error", () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function wrong(path: string, message: string): ReadPolicy {
  return { path, ok: false, faults: [{ line: 1, column: 1, message }] };
}
