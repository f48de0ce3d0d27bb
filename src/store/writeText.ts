/**
 * Writes a text as UTF-8.
 *
 * @param length its bytes. A text that has as many characters is ASCII, which is written faster.
 * @returns the number of bytes.
 */
export const writeText = (bytes: Buffer, text: string, at: number, length: number): number =>
  bytes.write(text, at, length, text.length === length ? 'latin1' : 'utf8');
