import { Suspense, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { Icon } from "../ui/icons.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { visibleLine } from "../ui/visible-text.ts";
import { ErrorBoundary } from "./error-boundary.tsx";
import { Help } from "./help.tsx";
import type { Whoami } from "./query.ts";
import { HealthStrip, HOME, pageRoutes } from "./routes.tsx";
import { useKeyboard, useShortcuts } from "./shortcuts.ts";
import { applyTheme, currentTheme, type Theme } from "./theme.ts";

const THEMES: Record<Theme, { next: Theme; label: string }> = {
  system: { next: "light", label: "Theme: system" },
  light: { next: "dark", label: "Theme: light" },
  dark: { next: "system", label: "Theme: dark" },
};

/** Navigation, and the page that the address names. */
export function Shell({ who }: { who: Whoami }) {
  const [location, navigate] = useLocation();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const entries = pageRoutes.flatMap(({ nav }) => (nav === undefined ? [] : [nav]));
  useKeyboard();
  useShortcuts([
    { keys: "?", label: "This help", group: "Everywhere", run: () => setHelpOpen(true) },
    ...entries.map(({ href, label, key }) => ({
      keys: `g ${key}`,
      label: `Go to ${label}`,
      group: "Everywhere",
      run: () => navigate(href),
    })),
  ]);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <nav className="nav" aria-label="Main">
        <Link href={HOME} className="brand" aria-label="Holdpoint">
          <span className="brand-mark" aria-hidden="true" />
          <span className="brand-name">Holdpoint</span>
        </Link>
        <ul>
          {entries.map(({ href, label, icon }) => (
            <li key={href}>
              <Link href={href} className="nav-link" aria-current={isWithin(location, href) ? "page" : undefined}>
                <Icon name={icon} />
                {label}
              </Link>
            </li>
          ))}
        </ul>
        <div className="nav-end">
          <ThemeButton />
          <button type="button" className="nav-link" onClick={() => setHelpOpen(true)}>
            <Icon name="help" />
            <span>Keys</span>
          </button>
          <p className="who" title={`signed in as ${visibleLine(who.principal_id)}`}>
            {visibleLine(who.display_name)}
          </p>
        </div>
      </nav>
      <main id="main" className="main" tabIndex={-1}>
        {HealthStrip !== null && (
          <ErrorBoundary place="strip">
            <Suspense>
              <HealthStrip />
            </Suspense>
          </ErrorBoundary>
        )}
        <div className="page">
          <ErrorBoundary place={location}>
            <Suspense fallback={<Loading what="the page" />}>
              <Switch>
                {pageRoutes.map(({ path, page }) => (
                  <Route key={path} path={path} component={page} />
                ))}
                <Route>
                  <Empty title="There is no such page.">
                    <Link href={HOME}>Go to the inbox</Link>
                  </Empty>
                </Route>
              </Switch>
            </Suspense>
          </ErrorBoundary>
        </div>
      </main>
      {isHelpOpen && <Help onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(currentTheme);
  const { next, label } = THEMES[theme];
  const change = () => {
    applyTheme(next);
    setTheme(next);
  };
  return (
    <button type="button" className="nav-link" onClick={change}>
      <Icon name="theme" />
      <span>{label}</span>
    </button>
  );
}

function isWithin(location: string, href: string): boolean {
  return location === href || location.startsWith(`${href}/`);
}
