/** The end of a token or of a certificate, as a person writes it. */
import { InvalidArgumentError } from 'commander';
import { UNITS_MS } from '../words/time.ts';
import { inUnits } from '../words/units.ts';

/** @returns UTC milliseconds. @throws InvalidArgumentError */
export function readExpiry(text: string): number {
  const atMs = /^\d{4}-/.test(text) ? Date.parse(text) : Date.now() + inUnits(text, UNITS_MS);
  if (atMs > Date.now() && atMs <= LAST_MS) return atMs;
  throw new InvalidArgumentError(
    'It must be a duration such as 12h or 90d, or a time that is to come, such as 2099-06-01T00:00:00Z.',
  );
}

/** Certificates and dates of JSON have four digits for the year. */
const LAST_MS = Date.UTC(9999, 11, 31);
