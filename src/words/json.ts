/**
 * Finds members and elements in JSON text that `JSON.parse` has already accepted (RFC 8259), so that
 * a value can be kept exactly as it was sent: digits that a double cannot hold, the order of keys,
 * duplicates. It never recurses, so that no depth of nesting overflows the stack.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Space, tab, line feed and carriage return are all that RFC 8259 allows between tokens. */
function skipSpace(text: string, from: number): number {
  let index = from;
  for (;;) {
    const unit = text.charCodeAt(index);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return index;
    index++;
  }
}

/** @returns the index after the string that starts at `from`. */
function skipString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

/** Whether an odd number of backslashes stands before the index. */
function isEscaped(text: string, index: number): boolean {
  let first = index;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (index - first) % 2 === 1;
}

/** @returns the index after the value that starts at `from`. */
function skipValue(text: string, from: number): number {
  let depth = 0;
  let index = from;
  while (index < text.length) {
    const unit = text.charCodeAt(index);
    if (unit === QUOTE) {
      index = skipString(text, index);
      if (depth === 0) return index;
      continue;
    }
    if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) depth++;
    else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) {
      if (depth === 0) return index;
      depth--;
      if (depth === 0) return index + 1;
    } else if (depth === 0 && (unit === COMMA || unit <= 0x20)) return index;
    index++;
  }
  return index;
}

/**
 * The text of a member of the object in `text`, or undefined if it has none or is no object. If members
 * share a name, the last counts, as in `JSON.parse`.
 */
export const memberText = (text: string, name: string): string | undefined =>
  membersOf(text, [name]).texts.get(name);

export interface Members {
  /** By name; the last of those that share a name. */
  readonly texts: ReadonlyMap<string, string>;
  /** The first name that a second member has, too; null if there is none. */
  readonly repeated: string | null;
}

/** The texts of the members of the object in `text` that have one of the names, in one walk. */
export function membersOf(text: string, names: readonly string[]): Members {
  const texts = new Map<string, string>();
  let repeated: string | null = null;
  let index = skipSpace(text, 0);
  if (text.charCodeAt(index) !== OPEN_OBJECT) return { texts, repeated };
  index = skipSpace(text, index + 1);
  while (text.charCodeAt(index) === QUOTE) {
    const afterName = skipString(text, index);
    const literal = text.slice(index, afterName);
    const name = names.find((one) => isName(literal, one));
    index = skipSpace(text, afterName);
    if (text.charCodeAt(index) === COLON) index = skipSpace(text, index + 1);
    const afterValue = skipValue(text, index);
    if (name !== undefined) {
      if (texts.has(name)) repeated ??= name;
      texts.set(name, text.slice(index, afterValue));
    }
    index = skipSpace(text, afterValue);
    if (text.charCodeAt(index) !== COMMA) break;
    index = skipSpace(text, index + 1);
  }
  return { texts, repeated };
}

/** Whether the literal of a string stands for `name`; it may be written with escapes. */
const isName = (literal: string, name: string): boolean =>
  literal.includes('\\')
    ? JSON.parse(literal) === name
    : literal.length === name.length + 2 && literal.startsWith(name, 1);

/** The texts of the elements of the array in `text`; none if it is no array. */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  let index = skipSpace(text, 0);
  if (text.charCodeAt(index) !== OPEN_ARRAY) return elements;
  index = skipSpace(text, index + 1);
  while (index < text.length && text.charCodeAt(index) !== CLOSE_ARRAY) {
    const after = skipValue(text, index);
    elements.push(text.slice(index, after));
    index = skipSpace(text, after);
    if (text.charCodeAt(index) !== COMMA) break;
    index = skipSpace(text, index + 1);
  }
  return elements;
}

/** Whether arrays and objects nest in the text deeper than the given number of levels. */
export function isDeeperThan(text: string, levels: number): boolean {
  let depth = 0;
  let index = 0;
  while (index < text.length) {
    const unit = text.charCodeAt(index);
    if (unit === QUOTE) {
      index = skipString(text, index);
      continue;
    }
    if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) depth++;
    else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--;
    if (depth > levels) return true;
    index++;
  }
  return false;
}

/**
 * Whether the text holds half of a surrogate pair, which UTF-8, and so the wire and the log, can't
 * hold.
 */
export const hasLoneSurrogate = (text: string): boolean => !text.isWellFormed();
