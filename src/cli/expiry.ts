/** The end of a token or of a certificate, as a person writes it. */
import { InvalidArgumentError } from 'commander';
import { durationMs } from './cache/clientCommand.ts';

/** @returns UTC milliseconds. @throws InvalidArgumentError */
export function readExpiry(text: string): number {
  const atMs = /^\d{4}-/.test(text) ? Date.parse(text) : Date.now() + durationMs(text);
  if (Number.isFinite(atMs) && atMs > Date.now()) return atMs;
  throw new InvalidArgumentError('It must be a duration such as 90d, or a time that is to come.');
}
