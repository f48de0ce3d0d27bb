/** A call of native code costs more than to write so many characters here. */
const FEW_CHARACTERS = 24;

/**
 * Writes a text as UTF-8.
 *
 * @param length its bytes. A text that has as many characters is ASCII, which is written faster.
 * @returns the number of bytes.
 */
export function writeText(bytes: Buffer, text: string, at: number, length: number): number {
  if (text.length !== length) return bytes.write(text, at, length, 'utf8');
  if (length > FEW_CHARACTERS) return bytes.write(text, at, length, 'latin1');
  for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
  return length;
}
