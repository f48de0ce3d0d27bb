/** The token by which a process asks the nodes. */
import { readFile } from 'node:fs/promises';

/** @param file empty: the nodes ask for none. */
export async function readToken(file: string): Promise<string | null> {
  if (file === '') return null;
  const token = (await readFile(file, 'utf8')).trim();
  if (token === '') throw new Error(`${file} holds no token: write one into it.`);
  return token;
}
