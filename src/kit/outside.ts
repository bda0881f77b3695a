import type { lookup } from "node:dns";
import { ALLOW_NONE, type AllowList } from "../policy/private-address.ts";
import { portsIfAny } from "./ports.ts";
import type { SearchProvider } from "./tools/search/provider.ts";

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
  /** Who searches the web for tools that name nobody; nobody unless given. */
  search?: SearchProvider | undefined;
}

/** The internet alone, as where a function is called by itself; a unit test may give more. */
export function memoryOutside({ network, search }: Partial<OutsidePorts> = {}): OutsidePorts {
  return { network: network ?? { allow: ALLOW_NONE }, search };
}

/** The network as the surrounding run may reach it. */
export function currentNetwork(): NetworkPort {
  return portsIfAny()?.network ?? memoryOutside().network;
}

/** Who searches the web in the surrounding run. */
export function currentSearch(): SearchProvider | undefined {
  return portsIfAny()?.search;
}
