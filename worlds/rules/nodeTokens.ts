/** The tokens by which processes ask the nodes: each for its own prefixes. */
import { cacheGrant } from './cacheGrants.ts';
import { ROLES, type Role } from './grants.ts';

export interface NodeToken {
  readonly id: string;
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly prefixes: readonly string[];
}

/**
 * A token has one list of prefixes for all of its scopes, so a role that writes may also read what it
 * writes, and write what it reads.
 */
export function nodeTokens(region: string): NodeToken[] {
  return ROLES.flatMap((role) => {
    const grant = cacheGrant(role, region);
    if (grant === null) return [];
    const { reads, writes } = grant;
    const scopes = [
      ...(reads.length > 0 ? ['read', 'watch'] : []),
      ...(writes.length > 0 ? ['write'] : []),
    ];
    const prefixes = [...new Set([...reads, ...writes])];
    return [{ id: `${role}-${region}`, role, scopes, prefixes }];
  });
}
