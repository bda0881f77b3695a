import type { lookup } from "node:dns";
import { ALLOW_NONE, type AllowList } from "../policy/private-address.ts";
import type { guardedRequest } from "./guarded-request.ts";
import { createMemoryNotifications, type NotificationPort } from "./notifications.ts";
import { portsIfAny } from "./ports.ts";
import { createMemoryTickets, type TicketPort } from "./tickets.ts";
import type { SearchProvider } from "./tools/search/provider.ts";

/** What tools may reach of the network. */
export interface NetworkPort {
  /** Private hosts and networks that whoever runs this server lets tools call. */
  allow: AllowList;
  /** How names become addresses; the system's way unless given. */
  resolve?: typeof lookup | undefined;
  /** How requests are made; as `guardedRequest` makes them unless given: tests bring recorded answers. */
  send?: typeof guardedRequest | undefined;
}

/** What tools reach the world through, beside databases. */
export interface OutsidePorts {
  network: NetworkPort;
  /** Who searches the web for tools that name nobody; nobody unless given. */
  search?: SearchProvider | undefined;
  notifications: NotificationPort;
  tickets: TicketPort;
}

const INTERNET: NetworkPort = { allow: ALLOW_NONE };

/** The outside of a unit test: the internet alone, and the rest in memory, unless given. */
export function memoryOutside(given: Partial<OutsidePorts> = {}): OutsidePorts {
  return {
    network: given.network ?? INTERNET,
    search: given.search,
    notifications: given.notifications ?? createMemoryNotifications(),
    tickets: given.tickets ?? createMemoryTickets(),
  };
}

/** The network as the surrounding run may reach it; the internet alone where a function is called by itself. */
export function currentNetwork(): NetworkPort {
  return portsIfAny()?.network ?? INTERNET;
}

/** Who searches the web in the surrounding run. */
export function currentSearch(): SearchProvider | undefined {
  return portsIfAny()?.search;
}
