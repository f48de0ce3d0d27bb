/** `worlds first-worlds REGION`: configures the worlds of a first start, where no supervisor does. */
import { z } from 'zod';
import { readSettings, urlsSchema } from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import { openCache } from '../tables/cache.ts';
import { createFirstWorlds } from './firstWorlds.ts';
import { REGIONS } from './worldsPlan.ts';

const [, , , name = '', ...words] = process.argv;
const isHelp = name === '--help' || name === '-h';
const { nodes, tokenFile } = readSettings(
  'first-worlds REGION',
  z.object({
    nodes: urlsSchema.describe('base URLs of the cache nodes of the region'),
    tokenFile: z.string().min(1).describe('file of the tokens of operators for the nodes'),
  }),
  isHelp ? [name] : words,
  process.env,
);
const region = REGIONS.find((one) => one === name);
if (region === undefined) {
  process.stderr.write(`Name one of these regions: ${REGIONS.join(', ')}.\n`);
  process.exitCode = 2;
} else {
  await using cache = openCache({ endpoints: nodes, token: await readTokens(tokenFile) });
  await createFirstWorlds(cache, region);
  process.stdout.write(`The worlds of ${region} are configured.\n`);
}
