/**
 * Lines with colours, where the output is a terminal that has them. NO_COLOR takes them away and FORCE_COLOR gives
 * them everywhere (no-color.org, force-color.org), as Node itself decides it.
 */
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

export interface StyledText {
  readonly style: Style;
  readonly text: string;
}

/** A line in parts, of which none has a control character that is meant. */
export type Styled = readonly (string | StyledText)[];

export const styled = (style: Style | null, text: string): string | StyledText =>
  style === null || text === '' ? text : { style, text };

/** The head of a table. */
export const heading = (line: string): Styled => [styled('bold', line)];

/** The text of a line, without its colours. */
export const plainText = (line: Styled): string =>
  line.map((part) => (typeof part === 'string' ? part : part.text)).join('');

/**
 * The line with the codes of its colours, if the stream shows them.
 *
 * @param safe escapes each part.
 */
export const painted = (
  line: Styled,
  safe: (text: string) => string,
  stream: NodeJS.WritableStream,
): string =>
  line
    .map((part) =>
      typeof part === 'string' ? safe(part) : styleText(part.style, safe(part.text), { stream }),
    )
    .join('');
