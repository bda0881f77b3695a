import { type ComponentType, lazy } from "react";
import type { IconName } from "../ui/icons.tsx";

/** A page, loaded when it is first opened. */
export interface PageRoute {
  /** As wouter reads it: "/reviews/:id?". */
  path: string;
  page: ComponentType;
  /** Where it stands in the navigation; left out for pages that are reached from others. */
  nav?: { href: string; label: string; icon: IconName /** After `g`. */; key: string };
}

const Inbox = lazy(() => import("../inbox/inbox-page.tsx"));

/** Every page. A path that is new here has to be known to `src/http/console.ts` too. */
export const pageRoutes: readonly PageRoute[] = [
  {
    path: "/reviews/:id?",
    page: Inbox,
    nav: { href: "/reviews", label: "Inbox", icon: "inbox", key: "i" },
  },
];

/** Where `/` leads. */
export const HOME = "/reviews";

/** A line above every page: how the installation is doing. */
export const HealthStrip: ComponentType | null = null;
