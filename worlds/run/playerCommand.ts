/** `npm run worlds -- player ID`: the record of a player, and all that was written to it, with the versions spelled out. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { z } from 'zod';
import { HEARSAY } from '../process/fileOfPackage.ts';
import { unpackSave } from '../rules/fences.ts';
import { keyOf } from '../tables/keys.ts';
import { REGIONS } from './worldsPlan.ts';

const PLAYER = /^p[0-9a-f]{32}$/;
const MOST_TEXT_BYTES = 64 * 1024 * 1024;

const opSchema = z.object({
  committed_at: z.string(),
  origin: z.string(),
  kind: z.string(),
  version: z.number(),
  won: z.boolean(),
  value: z.unknown().optional(),
});

type Op = z.output<typeof opSchema>;

export interface PlayerLine {
  readonly at: string;
  /** The node that took the write. */
  readonly node: string;
  readonly kind: string;
  /** Of the seat that wrote; null for a delete, whose version is no fence. */
  readonly fence: number | null;
  /** Counts the saves of the seat. */
  readonly counter: number | null;
  readonly won: boolean;
  readonly record: unknown;
}

/** @param text lines of JSON, as `hearsay log history` prints them. */
export function playerLines(text: string): PlayerLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => lineOf(opSchema.parse(JSON.parse(line))));
}

function lineOf({
  committed_at: at,
  origin,
  kind,
  version,
  won,
  value: record = null,
}: Op): PlayerLine {
  const isSave = kind === 'put';
  const { fence = null, counter = null } = isSave ? unpackSave(version) : {};
  // An origin is the name of its node and a random part.
  const node = origin.replace(/\.[^.]*$/, '');
  return { at, node, kind, fence, counter, won, record };
}

export async function playerCommand(words: readonly string[]): Promise<void> {
  const command = new Command('worlds player')
    .description('Prints all that was written to the record of a player, as one node has it.')
    .argument('<id>', 'the random id of the player, as answers and logs name it')
    .option('--data-dir <directory>', 'directory of all data', 'data/worlds')
    .option('--region <region>', 'region whose first node is read', REGIONS[0]);
  command.parse(words, { from: 'user' });
  const [player = ''] = command.args;
  const { dataDir, region } = z
    .object({ dataDir: z.string(), region: z.string() })
    .parse(command.opts());
  if (!PLAYER.test(player)) return command.error(`${player} is no id of a player.`);
  const node = join(dataDir, region, `${region}-node1`);
  if (!existsSync(node)) return command.error(`There is no node in ${node}.`);
  const ask = ['log', 'history', keyOf('player', player), '--data-dir', node];
  const found = await promisify(execFile)(
    process.execPath,
    [HEARSAY, ...ask, '--output', 'ndjson'],
    { maxBuffer: MOST_TEXT_BYTES },
  ).catch(() => null);
  if (found === null) return command.error(`${node} remembers nothing of ${player}.`);
  for (const line of playerLines(found.stdout)) process.stdout.write(`${JSON.stringify(line)}\n`);
}
