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
const Home = lazy(() => import("../start/home-page.tsx"));
const Runs = lazy(() => import("../runs/runs-page.tsx"));
const Run = lazy(() => import("../run/run-page.tsx"));
const Start = lazy(() => import("../start/start-page.tsx"));
const Health = lazy(() => import("../health/health-page.tsx"));

/** Every page. A path that is new here has to be known to `src/http/console.ts` too. */
export const pageRoutes: readonly PageRoute[] = [
  { path: "/", page: Home },
  {
    path: "/reviews/:id?",
    page: Inbox,
    nav: { href: "/reviews", label: "Inbox", icon: "inbox", key: "i" },
  },
  { path: "/runs", page: Runs, nav: { href: "/runs", label: "Runs", icon: "runs", key: "r" } },
  { path: "/runs/:id", page: Run },
  { path: "/start/:graph?", page: Start, nav: { href: "/start", label: "Start", icon: "start", key: "s" } },
  { path: "/health", page: Health, nav: { href: "/health", label: "Health", icon: "health", key: "h" } },
];

/** Where `/` leads. */
export const HOME = "/reviews";

/** A line above every page: how the installation is doing. */
export const HealthStrip: ComponentType | null = lazy(() => import("../health/health-strip.tsx"));
