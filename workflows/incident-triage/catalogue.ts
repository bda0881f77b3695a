/** One thing that can be done about an incident. */
interface Mitigation {
  /** What whoever carries it out does. */
  does: string;
  /** Whether it takes something away: requests, data, a release, customers. Then a person is asked. */
  destructive: boolean;
}

/** All that can be proposed. A model chooses among these, and on what; it cannot make up another. */
export const CATALOGUE = {
  watch: { does: "Watch it for another quarter of an hour.", destructive: false },
  capture_diagnostics: {
    does: "Save logs, metrics and a heap or thread dump before they are gone.",
    destructive: false,
  },
  scale_out: { does: "Start two more instances.", destructive: false },
  page_owner: { does: "Call the owner of the service.", destructive: false },
  restart_service: { does: "Restart it: requests under way are lost.", destructive: true },
  roll_back_release: { does: "Put the release before back: what only the new one can do is gone.", destructive: true },
  fail_over_database: {
    does: "Make the standby the primary: writes of the last seconds may be lost.",
    destructive: true,
  },
  free_disk_space: { does: "Delete old logs and temporary files.", destructive: true },
  block_source: {
    does: "Refuse all requests of this network: honest customers there are shut out.",
    destructive: true,
  },
  disable_feature: { does: "Switch the feature off for everybody.", destructive: true },
} as const satisfies Record<string, Mitigation>;

/** The name of something that can be done. */
export type MitigationName = keyof typeof CATALOGUE;

/** All names. */
export const MITIGATIONS = Object.keys(CATALOGUE) as [MitigationName, ...MitigationName[]];

/** What there is to choose from, for whoever chooses. */
export function catalogueText(): string {
  return MITIGATIONS.map((name) => {
    const { does, destructive } = CATALOGUE[name];
    return `- ${name}${destructive ? " (destructive)" : ""}: ${does}`;
  }).join("\n");
}
