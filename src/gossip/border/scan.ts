/**
 * The measures of a text before it is parsed: its type, and the number of elements and levels that
 * JSON.parse would build. One pass takes them, and ends at the first bound; the text need not be JSON.
 */

/** The type is the first member, so that it can be read without the rest. */
const TYPE =
  /^[ \t\r\n]{0,16}\{[ \t\r\n]{0,16}"type"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}"([a-z]{1,16})"/;

/** @returns null if the text does not begin as a message does. */
export const typeIn = (text: string): string | null => TYPE.exec(text)?.[1] ?? null;

export interface ShapeBounds {
  /** The most elements of lists and members of objects, at all levels together; an empty list counts as one. */
  readonly maxElements: number;
  /** The most lists and objects within one another. */
  readonly maxDepth: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** @returns the bound that the text breaks, as the end of a sentence about it; null if it keeps both. */
export function faultOfShape(text: string, { maxElements, maxDepth }: ShapeBounds): string | null {
  let elements = 0;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (++depth > maxDepth) return `is more than ${maxDepth} levels deep`;
        elements++;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        elements++;
        break;
    }
    if (elements > maxElements) return `has more than ${maxElements} elements`;
  }
  return null;
}

/**
 * `indexOf` skips most of a value at once. @returns the index of the closing quote, or the text's
 * length.
 */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
