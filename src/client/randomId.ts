/** @returns 60 random bits as letters and digits. `randomUUID` is missing in browsers on pages without TLS. */
export function randomId(): string {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return Array.from(words, (word) => (word >>> 2).toString(36).padStart(6, '0')).join('');
}
