import type { OutsidePorts } from "../kit/outside.ts";
import type { RunFacts } from "../kit/ports.ts";
import { ALLOW_NONE } from "../policy/private-address.ts";
import { createNotificationPort } from "./notifications.ts";
import type { RunnerParts } from "./runner.ts";
import { createTicketPort } from "./tickets.ts";

const TELLS_NOBODY = { to: [], allow: ALLOW_NONE, isMailSet: false };

/** What the tools of a run reach the world through. */
export function outsideOf({ database, network, search, notifications }: RunnerParts, run: RunFacts): OutsidePorts {
  return {
    network: network ?? { allow: ALLOW_NONE },
    search,
    notifications: createNotificationPort(database, run, notifications ?? TELLS_NOBODY),
    tickets: createTicketPort(database, run),
  };
}
