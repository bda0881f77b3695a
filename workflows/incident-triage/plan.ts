import { CATALOGUE, catalogueText, type MitigationName } from "./catalogue.ts";
import { flow, planSchema, SEVERITIES, type State, type Step, type Update } from "./flow.ts";
import { type ViewName, viewsOf } from "./views.ts";

const MOST_STEPS = 6;

/** Chooses what to do, from the catalogue: by a model, or by fixed rules. */
export const plan = flow.analysis({
  into: "plan",
  schema: planSchema,
  prompt: (state) => ({
    system: `You are on call. Choose what to do about an incident of severity ${state.severity}, from this catalogue alone:
${catalogueText()}
As target take one of these, letter by letter: ${JSON.stringify(state.incident?.targets ?? [])}
Choose as little as helps; what is destructive only where nothing else does. A person decides about what is destructive.`,
    user: [
      state.incident?.text ?? "",
      ...viewsOf(state).map(([name, view]) => `${name}: ${view?.value.summary ?? "unknown"}`),
    ].join("\n"),
  }),
  without_model: (state) => ({ steps: stepsByRules(state), confidence: 0.5 }),
});

function stepsByRules(state: State): Step[] {
  const { incident, severity } = state;
  const [target] = incident?.targets ?? [];
  if (incident === null || target === undefined) return [];
  const text = incident.text;
  const isBad = (name: ViewName) =>
    SEVERITIES.indexOf(state[name]?.value.severity ?? "info") >= SEVERITIES.indexOf("medium");
  const steps: Step[] = [];
  const take = (action: MitigationName, on: string, why: string) => void steps.push({ action, target: on, why });
  const label = (name: string) => incident.targets.find((one) => text.includes(`${name}=${one}`));
  if (isBad("performance")) {
    take("capture_diagnostics", target, "Performance suffers, and what it suffers from is soon gone.");
    if (/disk|filesystem|inode/i.test(text))
      take("free_disk_space", label("mountpoint") ?? target, "A file system is full.");
    else take("scale_out", target, "More instances take some of the load.");
  }
  if (isBad("quality") && /release|version=/i.test(text))
    take("roll_back_release", target, "Errors have come with a release.");
  else if (isBad("quality") && !isBad("security"))
    take("restart_service", target, "It fails, and no release speaks for itself.");
  const attacker = label("source_network");
  if (isBad("security") && attacker !== undefined) take("block_source", attacker, "An attack comes from there.");
  if (isBad("business") || severity === "critical") take("page_owner", target, "Customers notice it.");
  if (steps.length === 0) take("watch", target, "Nothing of it is bad enough to touch anything.");
  return steps.slice(0, MOST_STEPS);
}

/** Parts what can be ordered at once from what a person is asked about; what is on nothing known is left out, and said. */
export function part({ plan: chosen, incident }: State): Update {
  const known = new Set(incident?.targets ?? []);
  const seen = new Set<string>();
  const harmless: Step[] = [];
  const destructive: Step[] = [];
  const dropped: string[] = [];
  for (const step of chosen?.value.steps ?? []) {
    const key = `${step.action} on ${step.target}`;
    if (!known.has(step.target)) dropped.push(`${step.action} on something that no alert names`);
    else if (seen.has(key)) dropped.push(`${key} a second time`);
    else (CATALOGUE[step.action].destructive ? destructive : harmless).push({ ...step, why: step.why.toWellFormed() });
    seen.add(key);
  }
  return { harmless, destructive, dropped };
}
