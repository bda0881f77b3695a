import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Dice } from "../support/dice.ts";

/** One call that the world outside has got, however often it came. */
export interface Call {
  kind: "read" | "idempotent" | "once";
  /** How often it came under each effect id. */
  effects: Map<string, number>;
  /** Everything that was answered to it. */
  nonces: Set<string>;
}

/** What the graphs change: it counts every call. */
export interface World {
  url: string;
  /** By thread, turn and name. */
  calls: ReadonlyMap<string, Call>;
  close(): Promise<void>;
}

// Long enough that a kill often comes while a call is under way.
const SLOWEST_MS = 40;
const SLOW_MS = 400;

/** Starts a world that takes its time. An idempotent call under an id it has seen gets the answer it got before. */
export async function openWorld(dice: Dice): Promise<World> {
  const calls = new Map<string, Call>();
  let nonces = 0;
  const take = (call: string, kind: Call["kind"], effect_id: string): string => {
    const known = calls.get(call) ?? { kind, effects: new Map(), nonces: new Set() };
    calls.set(call, known);
    const times = known.effects.get(effect_id) ?? 0;
    known.effects.set(effect_id, times + 1);
    const nonce = kind === "idempotent" ? `n-${effect_id}` : `n${++nonces}`;
    known.nonces.add(nonce);
    return nonce;
  };
  const server = createServer(async (request, response) => {
    try {
      const { call, kind, effect_id } = JSON.parse(await text(request));
      const nonce = take(call, kind, effect_id);
      await (call.endsWith("/slow") ? pause(SLOW_MS) : dice.hesitate(SLOWEST_MS));
      response.end(JSON.stringify({ nonce }));
    } catch {
      // Whoever called was killed in the middle of it.
      response.destroy();
    }
  });
  // It ends no connection by itself: one that a worker is about to use again would fail its call, and with it the run.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function text(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
