/** `hearsay backup` and `hearsay restore`: copy a log, and put the copy back. */
import type { Command } from 'commander';
import type { Copied } from '../log/files/backup.ts';
import { dataDirOf, refuseParentOfLogs } from './log/options.ts';
import { note, printLine } from './terminal/output.ts';
import { addOutputOptions } from './terminal/outputForm.ts';
import { Progress } from './terminal/progress.ts';
import { bytesText, countText } from './terminal/text.ts';

interface BackupFlags {
  readonly dataDir?: string;
  readonly json?: true;
}

const DATA_DIR_HELP = 'the data directory (DATA_DIR, default ./data)';

export function registerBackupCommands(program: Command): void {
  const backing = program
    .command('backup')
    .summary('copy the log of a node, also while it runs')
    .description(
      'Copies the log of a data directory into one file, as of one moment, also while its node runs, ' +
        'and verifies the copy.',
    )
    .argument('<file>', 'the file to make')
    .option('--data-dir <directory>', DATA_DIR_HELP)
    .addHelpText('after', BACKUP_EXAMPLES)
    .action(backup);
  const restoring = program
    .command('restore')
    .summary('put a backup into an empty data directory')
    .description(
      'Verifies a backup and puts it into a data directory that has no log. The node that starts on it ' +
        'goes on under a new origin, and gets later ops from its peers.',
    )
    .argument('<file>', 'a backup')
    .option('--data-dir <directory>', DATA_DIR_HELP)
    .addHelpText('after', RESTORE_EXAMPLES)
    .action(restore);
  for (const command of [backing, restoring]) addOutputOptions(command, 'one');
}

async function backup(file: string, flags: BackupFlags): Promise<void> {
  // Imported here, so that help and mistakes don't wait for SQLite.
  const { backUp } = await import('../log/files/backup.ts');
  refuseParentOfLogs(dataDirOf(flags));
  const copied = await withProgress('backup', (onProgress) =>
    backUp(dataDirOf(flags), file, onProgress),
  );
  await tell(copied, flags, `${file} holds`, { file });
}

async function restore(file: string, flags: BackupFlags): Promise<void> {
  const { restore: putBack } = await import('../log/files/backup.ts');
  const directory = dataDirOf(flags);
  const copied = await withProgress('restore', (onProgress) =>
    putBack(file, directory, onProgress),
  );
  await tell(copied, flags, `${directory} holds`, { data_dir: directory });
  if (flags.json !== true) note('A node that starts on it goes on under a new origin.');
}

async function withProgress<T>(
  what: string,
  run: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const progress = new Progress(what);
  try {
    return await run((done, total) =>
      progress.show(done, 'pages', total === 0 ? null : done / total),
    );
  } finally {
    progress.end();
  }
}

async function tell(
  { verified, sizeBytes }: Copied,
  flags: BackupFlags,
  where: string,
  place: object,
): Promise<void> {
  const { facts, rows, keys } = verified;
  if (flags.json === true)
    await printLine(
      JSON.stringify({
        ...place,
        origin: facts.header.origin,
        rows,
        last_lsn: facts.lastLsn,
        live_keys: keys.live,
        size_bytes: sizeBytes,
      }),
    );
  else
    note(
      `${where} the log of ${facts.header.origin} up to lsn ${facts.lastLsn}: ${countText(rows)} ops, ` +
        `${countText(keys.live)} live keys, ${bytesText(sizeBytes)}, verified.`,
    );
}

const BACKUP_EXAMPLES = `
Examples:
  hearsay backup node1.db
  hearsay backup /backups/node1.db --data-dir /var/lib/hearsay`;

const RESTORE_EXAMPLES = `
Examples:
  hearsay restore node1.db --data-dir ./restored
  hearsay restore /backups/node1.db --data-dir /var/lib/hearsay`;
