/**
 * Text that a terminal shows and never obeys.
 *
 * Invariant: no control character of a key, a value or an error reaches a terminal, and neither does a
 * character that changes the order of those around it.
 */

/** Controls, marks of writing direction, and the two line ends that only Unicode knows. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * The text on one line, with each unsafe character in the form `\u001b`, which means the same in JSON.
 */
export const onOneLine = (text: string): string => text.replace(UNSAFE, escaped);

/** The text on its several lines, with each other unsafe character escaped: line feeds and tabs stay. */
export const forTerminal = (text: string): string =>
  text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  );
