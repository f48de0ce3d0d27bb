/** `npm run worlds -- audit`: who did what, from all audit logs; `audit verify` checks their chains. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import { auditDirectories, readAudit, verifyAudit } from '../access/audit.ts';
import { readLine } from '../access/auditChain.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The lines of all audit logs below a directory, in the order of time, as JSON. */
function print(directory: string): void {
  const lines = auditDirectories(directory).flatMap((one) => readAudit(one).lines);
  const timed = lines.map((text) => ({ text, at: readLine(text)?.at ?? '' }));
  for (const { text } of timed.toSorted((a, b) => a.at.localeCompare(b.at))) say(text);
}

/** @returns how many faults there are. */
function verify(directory: string): number {
  let faults = 0;
  for (const one of auditDirectories(directory)) {
    const found = verifyAudit(one);
    faults += found.length;
    for (const { line, fault } of found) say(`${one}: line ${line} ${fault}.`);
    const { lines, head } = readAudit(one);
    if (found.length === 0)
      say(`${one}: ${lines.length} lines are whole; the last has the hash ${head?.hash ?? ''}.`);
  }
  return faults;
}

export function auditCommand(words: readonly string[]): void {
  const command = new Command('worlds audit')
    .description(
      'Prints who did what; `verify` finds lines that were changed, removed or inserted.',
    )
    .argument('[verify]')
    .option('--data-dir <directory>', 'directory of all data', 'data/worlds');
  command.parse(words, { from: 'user' });
  const [what] = command.args;
  const { dataDir } = z.object({ dataDir: z.string() }).parse(command.opts());
  if (!existsSync(dataDir) || auditDirectories(dataDir).length === 0)
    command.error(`There is no audit log below ${dataDir}: name it by --data-dir.`);
  if (what === undefined) print(dataDir);
  else if (what === 'verify') process.exitCode = verify(dataDir) === 0 ? 0 : 1;
  else command.error(`There is audit, and audit verify, but no audit ${what}.`);
}
