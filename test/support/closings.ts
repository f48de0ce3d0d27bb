/** Closings (rule 13) as the smallest member logs them. */
import type { Replica } from '../../src/replica/replica.ts';

/** Closes the origin by its first `retire`; by one that the log lacks if it is not retired. */
export const closeOrigin = (
  { membership, members }: Replica,
  origin: string,
  lastSeq: number,
): Promise<void> =>
  membership.close(origin, lastSeq, members.retireOf(origin) ?? { origin, seq: 1 });
