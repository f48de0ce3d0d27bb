/** The tokens by which a process asks the nodes. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { CacheTokens } from '../tables/cache.ts';

const token = z.string().min(1).nullable();
const tokensSchema = z.strictObject({ read: token, write: token });

/** @param file empty: the nodes ask for none. */
export async function readTokens(file: string): Promise<CacheTokens | null> {
  if (file === '') return null;
  const text = await readFile(file, 'utf8');
  try {
    return tokensSchema.parse(JSON.parse(text));
  } catch {
    // The message of JSON.parse quotes the text.
    throw new Error(`${file} must be JSON with the members read and write, each a token or null.`);
  }
}

export const formatTokens = (tokens: CacheTokens): string => JSON.stringify(tokens);
