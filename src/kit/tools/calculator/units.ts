/** What can be measured. Each currency is a dimension of its own: none is ever converted into another. */
type Dimension = "length" | "mass" | "time" | "data" | "temperature" | `currency ${string}`;

/** A unit: what it measures, and how much of the dimension's base one of it is. */
export interface Unit {
  dimension: Dimension;
  /** As a decimal. */
  factor: string;
  /** Where its zero lies, in the base; for degrees. As a quotient, because Fahrenheit's has no end as a decimal. */
  zero?: readonly [string, string];
  /** What divides the factor, where it has no end as a decimal. */
  divisor?: string;
}

const UNITS: Readonly<Record<string, Unit>> = {
  mm: { dimension: "length", factor: "0.001" },
  cm: { dimension: "length", factor: "0.01" },
  m: { dimension: "length", factor: "1" },
  km: { dimension: "length", factor: "1000" },
  inch: { dimension: "length", factor: "0.0254" },
  ft: { dimension: "length", factor: "0.3048" },
  yd: { dimension: "length", factor: "0.9144" },
  mi: { dimension: "length", factor: "1609.344" },
  nmi: { dimension: "length", factor: "1852" },
  mg: { dimension: "mass", factor: "0.001" },
  g: { dimension: "mass", factor: "1" },
  kg: { dimension: "mass", factor: "1000" },
  t: { dimension: "mass", factor: "1000000" },
  oz: { dimension: "mass", factor: "28.349523125" },
  lb: { dimension: "mass", factor: "453.59237" },
  ms: { dimension: "time", factor: "0.001" },
  s: { dimension: "time", factor: "1" },
  min: { dimension: "time", factor: "60" },
  h: { dimension: "time", factor: "3600" },
  day: { dimension: "time", factor: "86400" },
  week: { dimension: "time", factor: "604800" },
  bit: { dimension: "data", factor: "0.125" },
  B: { dimension: "data", factor: "1" },
  kB: { dimension: "data", factor: "1000" },
  MB: { dimension: "data", factor: "1000000" },
  GB: { dimension: "data", factor: "1000000000" },
  TB: { dimension: "data", factor: "1000000000000" },
  KiB: { dimension: "data", factor: "1024" },
  MiB: { dimension: "data", factor: "1048576" },
  GiB: { dimension: "data", factor: "1073741824" },
  TiB: { dimension: "data", factor: "1099511627776" },
  K: { dimension: "temperature", factor: "1" },
  degC: { dimension: "temperature", factor: "1", zero: ["273.15", "1"] },
  degF: { dimension: "temperature", factor: "5", divisor: "9", zero: ["2298.35", "9"] },
};

const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));

/** The unit of this name: a measure, or a currency by its three letters. */
export function unitNamed(name: string): Unit | undefined {
  if (Object.hasOwn(UNITS, name)) return UNITS[name];
  return CURRENCIES.has(name) ? { dimension: `currency ${name}`, factor: "1" } : undefined;
}

/** The names of all units but currencies, for whoever looks for the right one. */
export const UNIT_NAMES: readonly string[] = Object.keys(UNITS);
