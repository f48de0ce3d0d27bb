/** The processes of one region on one machine, with their ports and settings. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Program {
  readonly name: string;
  readonly file: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Asked until it answers 200. Null: there is nothing to ask. */
  readonly healthUrl: string | null;
}

export interface RegionPlan {
  readonly nodes: readonly Program[];
  readonly services: readonly Program[];
  readonly fleet: Program;
  readonly nodeUrls: readonly string[];
  readonly identityUrl: string;
  readonly apiUrl: string;
}

const HOST = '127.0.0.1';
const NODES = 2;

const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export interface RegionPaths {
  /** Directory of all data. */
  readonly data: string;
  readonly keys: string;
  readonly authFile: string;
  readonly internalTokenFile: string;
  /** @returns the file of the token of a role. */
  readonly tokenFile: (role: string) => string;
}

/** @param firstPort six ports from here: identity, api, fleet, maintenance, two nodes. */
export function planRegion(region: string, paths: RegionPaths, firstPort: number): RegionPlan {
  const { data, keys, tokenFile } = paths;
  const urlAt = (offset: number): string => `http://${HOST}:${firstPort + offset}`;
  const nodeUrls = Array.from({ length: NODES }, (_unused, number) => urlAt(4 + number));
  const [identityUrl, apiUrl, fleetUrl] = [urlAt(0), urlAt(1), urlAt(2)];
  const issuer = identityUrl;
  const program = (
    name: string,
    settings: Record<string, string>,
    url: string | null,
  ): Program => ({
    ...{ name, file: fileOf(`worlds/${name}/main.ts`), environment: {} },
    words: Object.entries({ nodes: nodeUrls.join(','), ...settings }).flatMap(([flag, value]) => [
      `--${flag}`,
      value,
    ]),
    healthUrl: url === null ? null : `${url}/_health`,
  });
  const nodes = nodeUrls.map((url, number): Program => {
    const id = `${region}-node${number + 1}`;
    return {
      ...{ name: id, file: fileOf('src/main.ts'), words: ['serve'], healthUrl: `${url}/_health` },
      environment: {
        ...{ NODE_ID: id, NODES: nodeUrls.join(','), URL: url, CLUSTER: 'worlds', HOST },
        ...{ PORT: String(firstPort + 4 + number), DATA_DIR: join(data, id), RETENTION: '1h' },
        ...{ AUTH_FILE: paths.authFile, INTERNAL_TOKEN_FILE: paths.internalTokenFile },
      },
    };
  });
  return {
    ...{ nodes, nodeUrls, identityUrl, apiUrl },
    services: [
      program(
        'identity',
        {
          ...{ 'token-file': tokenFile('identity'), 'data-dir': join(data, 'identity'), issuer },
          port: String(firstPort),
        },
        identityUrl,
      ),
      program(
        'api',
        {
          ...{ 'token-file': tokenFile('api'), 'data-dir': join(data, 'api'), keys, issuer },
          ...{ 'jwks-url': `${identityUrl}/.well-known/jwks.json`, port: String(firstPort + 1) },
        },
        apiUrl,
      ),
      program(
        'maintenance',
        {
          ...{ region, keys, 'token-file': tokenFile('maintenance'), 'fleet-url': fleetUrl },
          port: String(firstPort + 3),
        },
        urlAt(3),
      ),
    ],
    fleet: program(
      'fleet',
      {
        ...{ region, keys, 'world-token-file': tokenFile('world') },
        ...{ 'data-dir': join(data, 'fleet'), port: String(firstPort + 2) },
      },
      fleetUrl,
    ),
  };
}
