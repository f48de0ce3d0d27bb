/** The processes of all regions on one machine, with their ports and settings. */
import { join } from 'node:path';
import type { TlsFiles } from '../http/publicServer.ts';
import { fileOfPackage, HEARSAY } from '../process/fileOfPackage.ts';

export interface Program {
  readonly name: string;
  readonly file: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Asked until it answers 200. */
  readonly healthUrl: string;
}

/** The secrets of one region; its regions share the keys of roles and the secret of the nodes. */
export interface RegionPaths {
  /** Directory of all data of the region. */
  readonly data: string;
  readonly keys: string;
  readonly authFile: string;
  readonly internalTokenFile: string;
  /** @returns the file of the tokens of a role. */
  readonly tokenFile: (role: string) => string;
}

export interface RegionPlan {
  readonly region: Region;
  readonly paths: RegionPaths;
  readonly nodes: readonly Program[];
  readonly services: readonly Program[];
  readonly fleet: Program;
  readonly nodeUrls: readonly string[];
  readonly apiUrl: string;
}

export interface WorldsPlan {
  readonly link: Program;
  /** Beside the first region, whose nodes it writes to. */
  readonly identity: Program;
  /** The one public port of HTTP. */
  readonly edge: Program;
  readonly regions: readonly RegionPlan[];
  readonly edgeUrl: string;
  readonly identityUrl: string;
}

/** The public side, one for all regions. */
export interface PublicSide {
  readonly edgePort: number;
  /** Directory of the edge. */
  readonly data: string;
  /** File of the secret by which the edge hashes addresses. */
  readonly addressKeyFile: string;
  /** Files of the edge and of the play ports; null: without TLS. */
  readonly tls: TlsFiles | null;
}

/** The first is the home of identity. */
export const REGIONS = ['eu', 'us'] as const;

export type Region = (typeof REGIONS)[number];

/** How many ports the plan takes, from its first on; that of the edge is beside them. */
export const PORTS = 30;

const HOST = '127.0.0.1';
const NODES = 2;
const PORTS_OF_REGION = 10;

const PORT = {
  identity: 0,
  link: 1,
  crossing: 2,
  identityPassage: 4,
  passage: 6,
  edge: 29,
} as const;
const REGION_PORT = { api: 0, fleet: 1, maintenance: 2, node: 3 } as const;

function program(name: string, port: number, settings: Record<string, string>): Program {
  const all = { ...settings, port: String(port) };
  return {
    name,
    file: fileOfPackage(`worlds/${name}/main.ts`),
    environment: {},
    words: Object.entries(all).flatMap(([flag, value]) => [`--${flag}`, value]),
    healthUrl: `${urlAt(port)}/_health`,
  };
}

/** The control listener of the link. */
export const linkUrlAt = (firstPort: number): string => urlAt(firstPort + PORT.link);

const urlAt = (port: number): string => `http://${HOST}:${port}`;

/** The addresses of one region on a machine whose ports begin at `firstPort`. */
function addressesOf(firstPort: number, number: number) {
  const base = firstPort + PORTS_OF_REGION * (number + 1);
  const indexes = Array.from({ length: NODES }, (_unused, index) => index);
  return {
    api: base + REGION_PORT.api,
    fleet: base + REGION_PORT.fleet,
    maintenance: base + REGION_PORT.maintenance,
    nodes: indexes.map((index) => base + REGION_PORT.node + index),
    /** At the link: they lead to the nodes, for other regions. */
    passages: indexes.map((index) => firstPort + PORT.passage + NODES * number + index),
    /** At the link: the way out of the region. */
    crossing: firstPort + PORT.crossing + number,
    /** At the link: it leads to identity. */
    identityPassage: firstPort + PORT.identityPassage + number,
  };
}

const tlsSettings = (tls: TlsFiles | null): Record<string, string> =>
  tls === null ? {} : { 'tls-cert-file': tls.certFile, 'tls-key-file': tls.keyFile };

/** @param paths of each region, in the order of `REGIONS`. @param firstPort of `PORTS` ports. */
export function planWorlds(
  paths: Readonly<Record<Region, RegionPaths>>,
  firstPort: number,
  side: PublicSide,
): WorldsPlan {
  const places = REGIONS.map((region, number) => ({
    region,
    paths: paths[region],
    at: addressesOf(firstPort, number),
  }));
  const [home, ...far] = places;
  if (home === undefined) throw new Error('There is no region.');
  const identityUrl = urlAt(firstPort + PORT.identity);
  const regions = places.map(({ region, paths: own, at }): RegionPlan => {
    const farPorts = places
      .filter((other) => other.at !== at)
      .flatMap(({ at: { passages } }) => passages);
    const nodeUrls = at.nodes.map(urlAt);
    const nodes = at.nodes.map((port, index): Program => {
      const id = `${region}-node${index + 1}`;
      const others = [...at.nodes.filter((other) => other !== port), ...farPorts].map(urlAt);
      return {
        name: id,
        file: HEARSAY,
        // The node of a supervisor that has ended ends too.
        words: ['serve', '--under-cluster'],
        healthUrl: `${urlAt(port)}/_health`,
        environment: {
          // It names no URL of its own: the other region would dial it past the link.
          NODE_ID: id,
          NODES: others.join(','),
          CLUSTER: 'worlds',
          HOST,
          PORT: String(port),
          DATA_DIR: join(own.data, id),
          RETENTION: '1h',
          AUTH_FILE: own.authFile,
          INTERNAL_TOKEN_FILE: own.internalTokenFile,
        },
      };
    });
    const nodesSetting = { nodes: nodeUrls.join(','), keys: own.keys };
    const crossing = { region, 'link-url': urlAt(at.crossing) };
    const identityFrom = at === home.at ? identityUrl : urlAt(at.identityPassage);
    const fleetUrl = urlAt(at.fleet);
    return {
      region,
      paths: own,
      nodes,
      nodeUrls,
      apiUrl: urlAt(at.api),
      services: [
        program('api', at.api, {
          ...nodesSetting,
          ...crossing,
          'token-file': own.tokenFile('api'),
          'data-dir': join(own.data, 'api'),
          issuer: identityUrl,
          'jwks-url': `${identityFrom}/.well-known/jwks.json`,
        }),
        program('maintenance', at.maintenance, {
          ...nodesSetting,
          region,
          'token-file': own.tokenFile('maintenance'),
          'fleet-url': fleetUrl,
        }),
      ],
      fleet: program('fleet', at.fleet, {
        ...nodesSetting,
        ...crossing,
        'world-token-file': own.tokenFile('world'),
        'data-dir': join(own.data, 'fleet'),
        ...tlsSettings(side.tls),
      }),
    };
  });
  const passages = [
    ...places.flatMap(({ at }) =>
      at.passages.map((port, index) => `${port}:${HOST}:${at.nodes[index]}`),
    ),
    ...far.map(({ at }) => `${at.identityPassage}:${HOST}:${firstPort + PORT.identity}`),
  ];
  return {
    regions,
    identityUrl,
    edgeUrl: `${side.tls === null ? 'http' : 'https'}://${HOST}:${side.edgePort}`,
    edge: {
      ...program('edge', side.edgePort, {
        'identity-url': identityUrl,
        issuer: identityUrl,
        apis: regions.map(({ region, apiUrl }) => `${region}=${apiUrl}`).join(','),
        nodes: home.at.nodes.map(urlAt).join(','),
        'token-file': home.paths.tokenFile('edge'),
        'address-key-file': side.addressKeyFile,
        'data-dir': side.data,
        'play-sources': `${side.tls === null ? 'ws' : 'wss'}://${HOST}:*`,
        ...tlsSettings(side.tls),
        'private-port': String(firstPort + PORT.edge),
      }),
      healthUrl: `${urlAt(firstPort + PORT.edge)}/_health`,
    },
    link: program('link', firstPort + PORT.link, {
      keys: home.paths.keys,
      passages: passages.join(','),
      crossings: places.map(({ at: { crossing } }) => `${crossing}:${HOST}`).join(','),
    }),
    identity: program('identity', firstPort + PORT.identity, {
      nodes: home.at.nodes.map(urlAt).join(','),
      issuer: identityUrl,
      'token-file': home.paths.tokenFile('identity'),
      'data-dir': join(home.paths.data, 'identity'),
    }),
  };
}
