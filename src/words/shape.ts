/** Tests of parsed JSON for the two shapes that numbers and texts of the log have. */

export const isText = (value: unknown): value is string => typeof value === 'string';

/** A whole number from 0 that a double holds exactly. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** The value may be absent by name. */
export const orNull =
  <T>(isOne: (value: unknown) => value is T) =>
  (value: unknown): value is T | null =>
    value === null || isOne(value);
