import { isDeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { expect, test } from "vitest";
import { createDice } from "../support/dice.ts";
import { walkGraph } from "./walk-graph.ts";
import { ReferenceSaver } from "./walk-reference.ts";
import { takeStep, type World } from "./walk-steps.ts";

test("walks take every kind of step, write to every channel and come to subgraphs, pauses and faults", async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 16; seed += 1) await walkInMemory(seed, seen);
  const steps = [
    "turn",
    "go on",
    "fork",
    "replay",
    "resume",
    "resume by ids",
    "resume and update",
    "resume in the past",
  ];
  const edits = ["command", "edit", "edit in bulk", "remove", "in a subgraph", "storm", "breakpoint"];
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...[...steps, ...edits].map((kind) => `step ${kind}`),
      ...["messages", "log", "document", "window", "cabinet", "mixed", "plan"].map((name) => `value of ${name}`),
      ...["topic", "news", "once", "flash", "any"].map((name) => `value of ${name}`),
      ...["join:left+right:join", "join:left+right:late", "branch:to:tail"].map((name) => `value of ${name}`),
      ...["notes", "index", "chat", "echo"].flatMap((name) => [`snapshot of ${name}`, `write of ${name}`]),
      ...["__error__", "__error_source_node__", "__interrupt__", "__resume__", "__pregel_tasks"].map(
        (name) => `write of ${name}`,
      ),
      ...["", "twin|deeper", "nested|deeper", "stateful", "typed", "caller", "caller|1|deeper"].map((ns) => `in ${ns}`),
      ...["__proto__", "10", "", "$hp", "constructor"].map((key) => `key ${key}`),
    ]),
  );
  // A channel that is never stored.
  expect(seen).not.toContain("value of passing");
});

async function walkInMemory(seed: number, seen: Set<string>): Promise<void> {
  const memory = new ReferenceSaver();
  const weather = { stormy: false };
  const world: World = {
    graph: walkGraph(memory, weather),
    weather,
    thread_id: `walk-${seed}`,
    dice: createDice(seed),
    checkpointIds: async () => memory.idsOf(world.thread_id, ""),
    copyThread: async (source, target) => memory.copyThread(source, target),
    prune: async () => {},
  };
  for (let step = 0; step < 14; step += 1) {
    const { kind, outcome } = await takeStep(world, step);
    if (typeof outcome === "object") seen.add(`step ${kind}`);
  }
  for await (const { config, checkpoint, pendingWrites } of memory.list({ configurable: {} })) {
    seen.add(`in ${String(config.configurable?.["checkpoint_ns"]).replaceAll(/:[-0-9a-f]+/g, "")}`);
    for (const [channel, value] of Object.entries(checkpoint.channel_values)) {
      if (value !== undefined && channel in checkpoint.channel_versions) seen.add(`value of ${channel}`);
      if (isDeltaSnapshot(value)) seen.add(`snapshot of ${channel}`);
      if (channel === "shelf") for (const key of Object.keys(value as object)) seen.add(`key ${key}`);
    }
    for (const [, channel] of pendingWrites ?? []) seen.add(`write of ${channel}`);
  }
}
