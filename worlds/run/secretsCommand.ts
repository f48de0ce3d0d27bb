/**
 * `worlds secrets`: makes the secrets of all processes, and puts into a folder for each service what that service needs, and
 * nothing else. Containers then get a folder each (docker-compose.yml).
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readSettings } from '../process/settings.ts';
import { makeSecrets, makeSharedSecrets } from './secrets.ts';
import { secretsOfServices } from './serviceSecrets.ts';
import { REGIONS } from './worldsPlan.ts';

const settings = readSettings(
  'secrets',
  z.object({
    dataDir: z.string().min(1).describe('directory of the secrets, and of the folders of services'),
  }),
  process.argv.slice(3),
  process.env,
);
const directory = resolve(settings.dataDir);
const all = join(directory, 'all');
const shared = await makeSharedSecrets(all);
for (const region of REGIONS) {
  const paths = await makeSecrets(region, join(all, region), shared);
  for (const [service, files] of Object.entries(secretsOfServices(region, paths, shared))) {
    const folder = join(directory, service);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const [name, source] of Object.entries(files)) copyFileSync(source, join(folder, name));
  }
}
process.stdout.write(`The secrets are in ${directory}.\n`);
