/** Chinook's invoices name no currency; the shop charges in this one. */
export const CURRENCY = "USD";

const DECIMAL = /^(\d{1,9})(?:\.(\d{1,2}))?$/;

/** Whole cents of a decimal such as "13.86" or 13.86; undefined when it is none. No floating point is involved. */
export function toCents(amount: string | number): number | undefined {
  const match = DECIMAL.exec(String(amount));
  return match === null ? undefined : Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

/** "13.86" of 1386. */
export function toDecimal(cents: number): string {
  const digits = String(cents).padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** The JSON number 13.86 of 1386: read from its decimal, not divided. */
export function toAmount(cents: number): number {
  return Number(toDecimal(cents));
}

/** "13.86 USD" of 1386. */
export function inWords(cents: number): string {
  return `${toDecimal(cents)} ${CURRENCY}`;
}
