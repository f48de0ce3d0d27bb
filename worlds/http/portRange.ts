/** Ports of which a server takes one, where others have to know beforehand which these may be. */
import { z } from 'zod';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const MAX_PORT = 65_535;

/** The system chooses. */
export const ANY_PORT: PortRange = { first: 0, last: 0 };

/** `FIRST-LAST`; empty: any port. */
export const portRangeSchema = z
  .string()
  .regex(/^(\d{1,5}-\d{1,5})?$/, 'must have the form FIRST-LAST')
  .transform((text): PortRange => {
    if (text === '') return ANY_PORT;
    const [first = 0, last = 0] = text.split('-').map(Number);
    return { first, last };
  })
  .refine(
    (range) =>
      range === ANY_PORT ||
      (range.first > 0 && range.first <= range.last && range.last <= MAX_PORT),
    `must be ports from 1 to ${MAX_PORT}, the lower one first`,
  );

/** @returns how many servers can listen at one time. */
export const sizeOf = ({ first, last }: PortRange): number =>
  first === 0 ? Number.POSITIVE_INFINITY : last - first + 1;

/**
 * Listens on the first port of a range that nobody else has.
 *
 * @param listen rejects with the error of the system where the port is taken.
 * @throws Error if all are taken.
 */
export async function listenWithin<Server>(
  { first, last }: PortRange,
  listen: (port: number) => Promise<Server>,
): Promise<Server> {
  for (let port = first; port <= last; port += 1) {
    try {
      return await listen(port);
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  throw new Error(`All ports from ${first} to ${last} are taken.`);
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
