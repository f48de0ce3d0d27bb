/**
 * The tokens by which processes ask the nodes: for each role one to read and one to write.
 *
 * A token has one list of prefixes for all of its scopes. So one token for both would let a role read all
 * that it writes, and write all that it reads.
 */
import { cacheGrant } from './cacheGrants.ts';
import { ROLES, type Role } from './grants.ts';

export const TOKEN_USES = ['read', 'write'] as const;

export type TokenUse = (typeof TOKEN_USES)[number];

export interface NodeToken {
  readonly id: string;
  readonly role: Role;
  readonly use: TokenUse;
  readonly scopes: readonly string[];
  readonly prefixes: readonly string[];
}

const SCOPES: Readonly<Record<TokenUse, readonly string[]>> = {
  read: ['read', 'watch'],
  write: ['write'],
};

export function nodeTokens(region: string): NodeToken[] {
  return ROLES.flatMap((role) => {
    const grant = cacheGrant(role, region);
    if (grant === null) return [];
    const prefixes = { read: grant.reads, write: grant.writes };
    return TOKEN_USES.filter((use) => prefixes[use].length > 0).map((use) => ({
      id: `${role}-${region}-${use}`,
      role,
      use,
      scopes: SCOPES[use],
      prefixes: prefixes[use],
    }));
  });
}
