/** Where the processes of this machine run, and where their data and secrets are. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { fileSchema, portSchema, tlsFilesOf, wholeNumber } from '../process/settings.ts';
import { makeSecrets, makeSharedSecrets } from './secrets.ts';
import { PORTS, planWorlds, type WorldsPlan } from './worldsPlan.ts';

/** The settings by which commands find the processes of `npm run worlds`. */
export const placeShape = {
  dataDir: z
    .string()
    .default('data/worlds')
    .describe('directory of all data (default data/worlds)'),
  firstPort: wholeNumber(1, 65_536 - PORTS)
    .prefault('8200')
    .describe(`first of ${PORTS} ports (default 8200)`),
  edgePort: portSchema.prefault('8080').describe('port of the edge (default 8080)'),
  tlsCertFile: fileSchema.describe('certificate of the edge and of play (default: without TLS)'),
  tlsKeyFile: fileSchema.describe('file of its key'),
};

export interface Place {
  readonly dataDir: string;
  readonly firstPort: number;
  readonly edgePort: number;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
}

/** Makes the secrets that are missing. */
export async function planAt(place: Place): Promise<WorldsPlan> {
  const { dataDir, firstPort, edgePort } = place;
  const shared = await makeSharedSecrets(resolve(dataDir));
  const secretsOf = (region: string) => makeSecrets(region, resolve(dataDir, region), shared);
  return planWorlds({ eu: await secretsOf('eu'), us: await secretsOf('us') }, firstPort, {
    edgePort,
    data: resolve(dataDir, 'edge'),
    addressKeyFile: shared.addressKeyFile,
    tls: tlsFilesOf(place),
  });
}
