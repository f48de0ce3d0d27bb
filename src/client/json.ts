/** The parsing boundary: input off the wire is `unknown` until one of these functions has checked it. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (input: unknown): input is JsonObject =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** The member if it is the object's own, with any name. */
const own = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

export function stringMember(object: JsonObject, name: string): string | null {
  const member = own(object, name);
  return typeof member === 'string' ? member : null;
}

/** A whole number, 0 or more. */
export function countMember(object: JsonObject, name: string): number | null {
  const member = own(object, name);
  return typeof member === 'number' && Number.isSafeInteger(member) && member >= 0 ? member : null;
}

/** An instant in RFC 3339; null also for a text that can't be read. */
export function instantMember(object: JsonObject, name: string): Date | null {
  const text = stringMember(object, name);
  if (text === null) return null;
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? null : instant;
}
