/** Amounts as people write them: a whole number and its unit. */

/** The size of each unit, in the smallest. */
export type Units = Readonly<Record<string, number>>;

/** @returns NaN, which is within no bounds, for a text that is not a whole number and a unit. */
export function inUnits(text: string, units: Units): number {
  const [, digits, unit] = /^(\d{1,15})([A-Za-z]*)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined || !Object.hasOwn(units, unit)) return Number.NaN;
  return Number(digits) * (units[unit] ?? Number.NaN);
}
