/** The keys of worlds. Each part is checked where it comes in, so no part holds a slash. */
import { PREFIX } from '../rules/cacheGrants.ts';

export type TableName =
  | 'config'
  | 'session'
  | 'roster'
  | 'player'
  | 'state'
  | 'revoked'
  | 'once'
  | 'run'
  | 'blocked';

/** @param region leaves only the keys of that region, in the tables that have regions. */
export const tablePrefix = (table: TableName, region?: string): string =>
  `${PREFIX}${table}/${region === undefined ? '' : `${region}/`}`;

export const keyOf = (table: TableName, ...parts: readonly (string | number)[]): string =>
  `${PREFIX}${table}/${parts.join('/')}`;

/** @returns the parts behind the table, or null if there are not as many. */
export function partsOf(table: TableName, key: string, count: number): string[] | null {
  const prefix = tablePrefix(table);
  if (!key.startsWith(prefix)) return null;
  const parts = key.slice(prefix.length).split('/');
  return parts.length === count && parts.every((part) => part !== '') ? parts : null;
}
