/** Measures and cuts text by the columns that it takes on a terminal. */
import stringWidth from 'string-width';
import { onOneLine } from './escape.ts';

export type Side = 'left' | 'right';

const ELLIPSIS = '…';
const PRINTABLE_ASCII = /^[ -~]*$/;
/** The most characters looked at for each column, because a value may have a megabyte. */
const CHARACTERS_A_COLUMN = 4;

const graphemes = new Intl.Segmenter();

/** The columns that the text takes once it is escaped. */
export const widthOf = (text: string): number =>
  PRINTABLE_ASCII.test(text) ? text.length : stringWidth(onOneLine(text));

/**
 * The text on one line, in a number of columns at most. An ellipsis marks the cut.
 *
 * @param width in columns; null leaves the text as long as it is.
 * @param keep the side of the text that stays.
 */
export function shortened(text: string, width: number | null, keep: Side = 'left'): string {
  if (width === null) return onOneLine(text);
  const mostCharacters = width * CHARACTERS_A_COLUMN;
  const isLong = text.length > mostCharacters;
  const part = keep === 'left' ? text.slice(0, mostCharacters) : text.slice(-mostCharacters);
  const shown = onOneLine(isLong ? part : text);
  if (!isLong && widthOf(shown) <= width) return shown;
  if (width < 1) return '';
  const rest = beginning(keep === 'left' ? shown : reversed(shown), width - 1);
  return keep === 'left' ? rest + ELLIPSIS : ELLIPSIS + reversed(rest);
}

/** The text in exactly the given number of columns, cut or filled up. */
export function fit(text: string, width: number, side: Side = 'left', keep: Side = 'left'): string {
  const shown = shortened(text, width, keep);
  const filling = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return side === 'left' ? shown + filling : filling + shown;
}

/**
 * A line as several lines of a number of columns at most, broken at blanks. A word that is longer than
 * a line stays whole, because a person may paste it. No other character is changed, for the same
 * reason.
 *
 * @param indent of the lines after the first, in columns.
 */
export function wrapped(line: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  const [, margin = '', text = ''] = /^(\s*)(.*)$/.exec(onOneLine(line)) ?? [];
  let current = margin;
  let currentWidth = margin.length;
  let hasWord = false;
  // Each word with the blanks before it.
  for (const piece of text.match(/ *[^ ]+/g) ?? []) {
    const pieceWidth = widthOf(piece);
    if (hasWord && currentWidth + pieceWidth > width) {
      lines.push(current);
      const word = piece.trimStart();
      current = ' '.repeat(indent) + word;
      currentWidth = indent + widthOf(word);
    } else {
      current += piece;
      currentWidth += pieceWidth;
    }
    hasWord = true;
  }
  return [...lines, current];
}

/** The longest beginning that fits and ends with a whole character, as a reader sees it. */
function beginning(text: string, width: number): string {
  if (PRINTABLE_ASCII.test(text)) return text.slice(0, width);
  let shown = '';
  let left = width;
  for (const { segment } of graphemes.segment(text)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    shown += segment;
  }
  return shown;
}

const reversed = (text: string): string =>
  Array.from(graphemes.segment(text), ({ segment }) => segment)
    .reverse()
    .join('');
