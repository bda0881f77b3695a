import { flow, SEVERITIES, type Severity, type State, type Update } from "./flow.ts";
import { severityOf, VIEWS, viewsOf } from "./views.ts";

const MANY = 10;

/** Weighs what the four views say, and what the alerts say themselves. */
export const weigh = flow.validation({
  value: (state) => state,
  into: "weighed",
  score_into: "score",
  rules: [
    ...VIEWS.map((name) => ({
      name,
      text: `nobody has looked at it for ${name}`,
      // A side that nobody has looked at is no good news.
      severity: "medium" as const,
      check(value: unknown) {
        const seen = viewsOf(value as State).find(([view]) => view === name)?.[1];
        if (seen == null) return false;
        const { severity, summary } = seen.value;
        return severity === "info" ? true : { severity, text: `${name}: ${summary}` };
      },
    })),
    {
      name: "labelled",
      text: "",
      check(value: unknown) {
        const { incident } = value as State;
        const severity = severityOf(incident?.labelled ?? "");
        return severity === "info"
          ? true
          : { severity, text: `Prometheus has labelled it "${incident?.labelled ?? ""}"` };
      },
    },
    {
      name: "many_alerts",
      text: "",
      check(value: unknown) {
        const { incident } = value as State;
        const count = (incident?.firing ?? 0) + (incident?.truncated ?? 0);
        return count < MANY ? true : { severity: "high" as const, text: `${count} alerts fire at once` };
      },
    },
  ],
});

/** The worst of it. */
export function grade({ weighed }: State): Update {
  const places = weighed.map(({ severity }) => SEVERITIES.indexOf(severity));
  const severity: Severity = SEVERITIES[Math.max(0, ...places)] ?? "info";
  return { severity };
}
