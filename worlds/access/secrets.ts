/** Secrets that a process makes, and keeps only as hashes. */
import { hash, randomBytes } from 'node:crypto';

/** 256 bits, in base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

export const hashOf = (secret: string): string => hash('sha256', secret, 'base64url');
