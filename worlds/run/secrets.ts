/** The secrets of the regions of one machine: made once, in files that only their owner may read. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRoleKeys } from '../access/serviceTokens.ts';
import { formatTokens, readTokens } from '../process/tokenFile.ts';
import { ROLES } from '../rules/grants.ts';
import { nodeTokens, TOKEN_USES, type TokenUse } from '../rules/nodeTokens.ts';
import type { CacheTokens } from '../tables/cache.ts';
import type { RegionPaths } from './worldsPlan.ts';

/** All regions of a machine share these. */
export interface SharedSecrets {
  readonly keys: string;
  readonly internalTokenFile: string;
  /** Of the secret by which the edge hashes addresses. */
  readonly addressKeyFile: string;
}

/** @param data directory of all regions. */
export async function makeSharedSecrets(data: string): Promise<SharedSecrets> {
  const secrets = join(data, 'secrets');
  const keys = join(data, 'keys');
  for (const directory of [secrets, keys]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(join(keys, 'roles.json'))) await makeRoleKeys(keys, ROLES);
  const internalTokenFile = join(secrets, 'cluster');
  if (!existsSync(internalTokenFile)) writeSecret(internalTokenFile, newToken());
  const addressKeyFile = join(secrets, 'addresses');
  if (!existsSync(addressKeyFile)) writeSecret(addressKeyFile, newToken());
  return { keys, internalTokenFile, addressKeyFile };
}

/** @param data directory of the region. */
export async function makeSecrets(
  region: string,
  data: string,
  shared: SharedSecrets,
): Promise<RegionPaths> {
  const secrets = join(data, 'secrets');
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const tokenFile = (role: string): string => join(secrets, `${role}.json`);
  const tokens = await nodeTokensIn(region, tokenFile);
  const authFile = join(secrets, 'tokens.json');
  writeSecret(authFile, JSON.stringify({ version: 1, tokens }));
  const { keys, internalTokenFile } = shared;
  return { data, authFile, tokenFile, keys, internalTokenFile };
}

/** Makes the files of the tokens that are missing. @returns the rows of the nodes' file of tokens. */
async function nodeTokensIn(
  region: string,
  tokenFile: (role: string) => string,
): Promise<object[]> {
  const byRole = Map.groupBy(nodeTokens(region), ({ role }) => role);
  const rows = await Promise.all(
    [...byRole].map(async ([role, tokens]) => {
      const secrets = await secretsIn(
        tokenFile(role),
        tokens.map(({ use }) => use),
      );
      return tokens.map(({ id, use, scopes, prefixes }) => {
        const hash = createHash('sha256')
          .update(secrets[use] ?? '')
          .digest('hex');
        return { id, hash: `sha256:${hash}`, scopes, prefixes };
      });
    }),
  );
  return rows.flat();
}

async function secretsIn(file: string, uses: readonly TokenUse[]): Promise<CacheTokens> {
  if (!existsSync(file)) {
    const [read, write] = TOKEN_USES.map((use) => (uses.includes(use) ? newToken() : null));
    writeSecret(file, formatTokens({ read: read ?? null, write: write ?? null }));
  }
  const tokens = await readTokens(file);
  if (tokens === null || uses.some((use) => tokens[use] === null))
    throw new Error(`${file} lacks a token: remove the file, and it is made anew.`);
  return tokens;
}

const newToken = (): string => randomBytes(32).toString('base64url');

const writeSecret = (file: string, text: string): void =>
  writeFileSync(file, text, { mode: 0o600 });
