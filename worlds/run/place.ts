/** Where the processes of this machine run, and where their data and secrets are. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { wholeNumber } from '../process/settings.ts';
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
};

export interface Place {
  readonly dataDir: string;
  readonly firstPort: number;
}

/** Makes the secrets that are missing. */
export async function planAt({ dataDir, firstPort }: Place): Promise<WorldsPlan> {
  const shared = await makeSharedSecrets(resolve(dataDir));
  const secretsOf = (region: string) => makeSecrets(region, resolve(dataDir, region), shared);
  return planWorlds({ eu: await secretsOf('eu'), us: await secretsOf('us') }, firstPort);
}
