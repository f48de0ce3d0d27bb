/** Rule 12: the names of the logs set aside that a log has settled, as one fact of its header. */
import type { HeaderFacts } from './row.ts';

/** No name of a folder holds it. */
const BETWEEN = '/';

/** The names, in the order in which the logs were settled. */
export const settledNames = ({ settledLog }: Pick<HeaderFacts, 'settledLog'>): readonly string[] =>
  settledLog?.split(BETWEEN) ?? [];

/** The fact that settles one more log. */
export const settledLogWith = (settledLog: string | null, name: string): string =>
  [...settledNames({ settledLog }).filter((other) => other !== name), name].join(BETWEEN);
