/** `npm run worlds -- pids WORLD`: the processes that run a world now, to kill or stop them, and no other process. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { SlotStore } from '../fleet/slotStore.ts';
import { isAlive } from '../fleet/systemProcesses.ts';
import { REGIONS } from './worldsPlan.ts';

export function pidsCommand(words: readonly string[]): void {
  const command = new Command('worlds pids')
    .description('Prints the pids of the processes that run a world, in all regions or in one.')
    .argument('<world>')
    .option('--region <region>', 'of this region alone')
    .option('--data-dir <directory>', 'directory of all data', 'data/worlds');
  command.parse(words, { from: 'user' });
  const [world = ''] = command.args;
  const { dataDir, region } = z
    .object({ dataDir: z.string(), region: z.enum(REGIONS).optional() })
    .parse(command.opts());
  const pids = (region === undefined ? REGIONS : [region]).flatMap((one) =>
    pidsOf(join(dataDir, one, 'fleet/slots.sqlite'), world),
  );
  if (pids.length === 0) command.error(`No process runs ${world}.`);
  process.stdout.write(`${pids.join('\n')}\n`);
}

function pidsOf(file: string, world: string): number[] {
  if (!existsSync(file)) return [];
  using store = new SlotStore(file);
  return store
    .slots()
    .flatMap((slot) =>
      slot.world === world && slot.process !== null && isAlive(slot.process)
        ? [slot.process.pid]
        : [],
    );
}
