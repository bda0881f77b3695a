// Loaded before anything else into a process that must not talk to the world: whatever is not for this machine is
// refused, and written down in LOOPBACK_ONLY_FILE.
import dgram from "node:dgram";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/;

function refuse(what: string): never {
  appendFileSync(process.env["LOOPBACK_ONLY_FILE"] as string, `${what}\n`);
  throw Object.assign(new Error(`refused by the test: ${what}`), { code: "ECONNREFUSED" });
}

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket;
const prototype = net.Socket.prototype as unknown as { connect: Connect };
const connect = prototype.connect;
prototype.connect = function connectToLoopback(...args) {
  // Node hands over an array of normalised arguments when it calls itself.
  const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as [unknown, unknown];
  const options = (typeof first === "object" && first !== null ? first : { port: first, host: second }) as {
    path?: string;
    host?: string;
  };
  const isPath = options.path !== undefined || (typeof first === "string" && Number.isNaN(Number(first)));
  const host = typeof options.host === "string" ? options.host : "localhost";
  if (!isPath && !LOOPBACK.test(host)) refuse(`connect ${host}`);
  return connect.apply(this, args);
};

for (const resolver of [dns, dns.promises] as unknown as Record<string, unknown>[]) {
  for (const name of Object.keys(resolver).filter((key) => /^(lookup|resolve)/.test(key))) {
    const original = resolver[name] as (...args: unknown[]) => unknown;
    resolver[name] = (...args: unknown[]) => {
      if (name === "lookupService" || !LOOPBACK.test(String(args[0]))) refuse(`dns ${String(args[0])}`);
      return original(...args);
    };
  }
}
dgram.createSocket = () => refuse("datagram socket");
syncBuiltinESMExports();
