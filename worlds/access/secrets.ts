/** Secrets that a process makes, and keeps only as hashes. */
import { createHash, randomBytes } from 'node:crypto';

/** 256 bits, in base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

export const hashOf = (secret: string): string =>
  createHash('sha256').update(secret).digest('base64url');
