import { HoldpointError } from "../protocol/errors.ts";

/** The names of all options of this type. */
export type NamesOf<Options> = Record<keyof Options, true>;

/**
 * Refuses an option that there is not. Workflows are run without their types being checked, and a misspelt limit would be
 * none. Throws `invalid`.
 */
export function refuseUnknown(whose: string, given: object, names: Readonly<Record<string, true>>): void {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(names, name));
  if (unknown.length === 0) return;
  const told = unknown.map((name) => JSON.stringify(name)).join(", ");
  const message = `${whose} has no option ${told}; there are ${Object.keys(names).join(", ")}`;
  throw new HoldpointError("invalid", message, { facts: { unknown } });
}
