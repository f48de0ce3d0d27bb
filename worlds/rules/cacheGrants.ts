/**
 * The keys that each process reads and writes in the cache. Its tokens have these prefixes and no
 * others.
 */
import type { Role } from './grants.ts';

export interface CacheGrant {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

export const PREFIX = 'worlds/';

const table = (name: string, region?: string): string =>
  `${PREFIX}${name}/${region === undefined ? '' : `${region}/`}`;

/** @returns null for a role that never asks the cache. */
export function cacheGrant(role: Role, region: string): CacheGrant | null {
  switch (role) {
    case 'edge':
      return { reads: [table('blocked')], writes: [table('blocked')] };
    case 'identity':
      return { reads: [], writes: [table('revoked'), table('player'), table('once')] };
    case 'api':
      return {
        reads: ['config', 'session', 'roster', 'player', 'revoked', 'once'].map((name) =>
          table(name),
        ),
        // Configurations and revocations in the name of operators.
        writes: [table('once'), table('config'), table('revoked')],
      };
    case 'operator':
      return { reads: [PREFIX], writes: [table('config'), table('revoked')] };
    case 'maintenance':
      // The whole key: there is one for each region.
      return { reads: [table('config', region)], writes: [`${table('run')}${region}`] };
    case 'world':
      return {
        reads: [
          ...[table('config', region), table('player'), table('state', region)],
          table('revoked'),
        ],
        writes: [
          ...[table('session', region), table('roster', region), table('player')],
          table('state', region),
        ],
      };
    case 'fleet':
    case 'player':
      return null;
  }
}
