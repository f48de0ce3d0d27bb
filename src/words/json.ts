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
export function memberText(text: string, name: string): string | undefined {
  const [start = 0, end = 0] = membersOf(text, [name]).places;
  return end === 0 ? undefined : text.slice(start, end);
}

export interface Members {
  /**
   * For each name that was sought, in their order, the index of its value and the one after it; 0 and 0 if it is
   * missing. Of members that share a name the last counts.
   */
  readonly places: readonly number[];
  /** The first name that a second member has, too; null if there is none. */
  readonly repeated: string | null;
  /** The index after the object, or after the value that is none. */
  readonly end: number;
}

/** The places of the members of the object at `from` that have one of the names, in one walk. */
export function membersOf(text: string, names: readonly string[], from = 0): Members {
  const places = new Array<number>(2 * names.length).fill(0);
  let repeated: string | null = null;
  const end = eachMember(text, names, from, (place, start) => {
    const after = skipValue(text, start);
    if (place === -1) return after;
    if (places[2 * place] !== 0) repeated ??= names[place] ?? null;
    places[2 * place] = start;
    places[2 * place + 1] = after;
    return after;
  });
  return { places, repeated, end };
}

/**
 * Walks over the members of the object at `from`.
 *
 * @param names that are sought.
 * @param walk is given the place of the member's name, -1 for another one, and the index of its value; it
 *   returns the index after that value.
 * @returns the index after the object, or after the value that is none.
 */
export function eachMember(
  text: string,
  names: readonly string[],
  from: number,
  walk: (place: number, start: number) => number,
): number {
  let index = skipSpace(text, from);
  if (text.charCodeAt(index) !== OPEN_OBJECT) return skipValue(text, index);
  index = skipSpace(text, index + 1);
  while (text.charCodeAt(index) === QUOTE) {
    const afterName = skipString(text, index);
    const place = placeOf(text, index, afterName, names);
    index = skipSpace(text, afterName);
    if (text.charCodeAt(index) === COLON) index = skipSpace(text, index + 1);
    index = skipSpace(text, walk(place, index));
    if (text.charCodeAt(index) !== COMMA) break;
    index = skipSpace(text, index + 1);
  }
  return index + 1;
}

/** The place of the name whose literal stands between two indexes; it may be written with escapes. */
function placeOf(text: string, start: number, end: number, names: readonly string[]): number {
  for (let place = 0; place < names.length; place++) {
    const name = names[place] ?? '';
    const isLiteral = end - start === name.length + 2 && text.startsWith(name, start + 1);
    if (isLiteral && !name.includes('\\')) return place;
  }
  const literal = text.slice(start, end);
  if (!literal.includes('\\')) return -1;
  return names.indexOf(String(JSON.parse(literal)));
}

/** The texts of the elements of the array in `text`; none if it is no array. */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  eachElement(text, 0, (start) => {
    const after = skipValue(text, start);
    elements.push(text.slice(start, after));
    return after;
  });
  return elements;
}

/**
 * Walks over the elements of the array at `from`.
 *
 * @param walk is given the index of an element, and returns the index after it.
 * @returns the index after the array, or after the value that is none.
 */
export function eachElement(text: string, from: number, walk: (start: number) => number): number {
  let index = skipSpace(text, from);
  if (text.charCodeAt(index) !== OPEN_ARRAY) return skipValue(text, index);
  index = skipSpace(text, index + 1);
  while (index < text.length && text.charCodeAt(index) !== CLOSE_ARRAY) {
    index = skipSpace(text, walk(index));
    if (text.charCodeAt(index) !== COMMA) break;
    index = skipSpace(text, index + 1);
  }
  return index + 1;
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
