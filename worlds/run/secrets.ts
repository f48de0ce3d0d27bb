/** The secrets of a region on one machine: made once, in files that only their owner may read. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRoleKeys } from '../access/serviceTokens.ts';
import { ROLES } from '../rules/grants.ts';
import { nodeTokens } from '../rules/nodeTokens.ts';
import type { RegionPaths } from './regionPlan.ts';

export async function makeSecrets(region: string, data: string): Promise<RegionPaths> {
  const secrets = join(data, 'secrets');
  const keys = join(data, 'keys');
  for (const directory of [secrets, keys]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(join(keys, 'roles.json'))) await makeRoleKeys(keys, ROLES);
  const internalTokenFile = join(secrets, 'cluster');
  secretIn(internalTokenFile);
  const tokenFile = (role: string): string => join(secrets, role);
  const tokens = nodeTokens(region).map(({ id, role, scopes, prefixes }) => {
    const hash = createHash('sha256')
      .update(secretIn(tokenFile(role)))
      .digest('hex');
    return { id, hash: `sha256:${hash}`, scopes, prefixes };
  });
  const authFile = join(secrets, 'tokens.json');
  writeFileSync(authFile, JSON.stringify({ version: 1, tokens }), { mode: 0o600 });
  return { data, keys, authFile, internalTokenFile, tokenFile };
}

function secretIn(file: string): string {
  if (!existsSync(file))
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}
