/** The secrets that each service of a region gets: who has one of them can be that process, and no other. */
import { join } from 'node:path';
import type { Role } from '../rules/grants.ts';
import type { SharedSecrets } from './secrets.ts';
import { REGIONS, type Region, type RegionPaths } from './worldsPlan.ts';

/** Files of one service: their names in its folder, and where they are made. */
export type ServiceFiles = Readonly<Record<string, string>>;

/** @returns the files by the names of the services. Those without a region are of the first region, their home. */
export function secretsOfServices(
  region: Region,
  { keys, authFile, tokenFile, internalTokenFile }: RegionPaths,
  { addressKeyFile }: SharedSecrets,
): Readonly<Record<string, ServiceFiles>> {
  const signs = (role: Role): ServiceFiles => ({
    [`${role}.key.json`]: join(keys, `${role}.key.json`),
  });
  const asksNodes = (role: Role): ServiceFiles => ({ 'token.json': tokenFile(role) });
  const checks: ServiceFiles = { 'roles.json': join(keys, 'roles.json') };
  return {
    [`${region}-node`]: { 'tokens.json': authFile, cluster: internalTokenFile },
    [`${region}-api`]: { ...checks, ...signs('api'), ...asksNodes('api') },
    // It starts worlds, which read their files where it does.
    [`${region}-fleet`]: { ...checks, ...signs('fleet'), ...signs('world'), ...asksNodes('world') },
    [`${region}-maintenance`]: { ...signs('maintenance'), ...asksNodes('maintenance') },
    [`${region}-operator`]: { ...signs('operator'), ...asksNodes('operator') },
    ...(region === REGIONS[0] && {
      identity: asksNodes('identity'),
      edge: { ...asksNodes('edge'), addresses: addressKeyFile },
      link: checks,
    }),
  };
}
