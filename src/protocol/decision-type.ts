/** What a reviewer can do with one action. */
export const DECISION_TYPES = ["approve", "edit", "reject", "respond"] as const;
