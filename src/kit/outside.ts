import type { lookup } from "node:dns";
import { ALLOW_NONE, type AllowList } from "../policy/private-address.ts";
import { portsIfAny } from "./ports.ts";

/** What tools may reach of the network. */
export interface NetworkPort {
  /** Private hosts and networks that whoever runs this server lets tools call. */
  allow: AllowList;
  /** How names become addresses; the system's way unless given. */
  resolve?: typeof lookup | undefined;
}

/** What tools reach the world through, beside databases. */
export interface OutsidePorts {
  network: NetworkPort;
}

/** The internet alone, as where a function is called by itself; a unit test may give more. */
export function memoryOutside({ network = { allow: ALLOW_NONE } }: Partial<OutsidePorts> = {}): OutsidePorts {
  return { network };
}

/** The network as the surrounding run may reach it. */
export function currentNetwork(): NetworkPort {
  return portsIfAny()?.network ?? memoryOutside().network;
}
