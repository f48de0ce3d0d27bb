/** The op that a write's token stands for. */
import { decodeCursor, MalformedCursorError } from '../../src/words/cursor.ts';

/** @returns `origin/seq`; null if the token stands for more than one op, or is none. */
export function opIdOf(token: string): string | null {
  try {
    const [entry, ...others] = decodeCursor(token).vector;
    return entry === undefined || others.length > 0 ? null : `${entry[0]}/${entry[1]}`;
  } catch (error) {
    if (error instanceof MalformedCursorError) return null;
    throw error;
  }
}
