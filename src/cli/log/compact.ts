/** `hearsay log compact`: removes rows that are no longer needed, as a node does by itself. */
import type { Command } from 'commander';
import { StatisticsFold } from '../../log/tools/statistics.ts';
import { Walk } from '../../log/tools/walk.ts';
import type { CompactionProgress } from '../../node/compactOffline.ts';
import { RemoteNode } from '../remote/remoteNode.ts';
import { printLine } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { bytesText, countText, durationText, instant } from '../terminal/text.ts';
import {
  addSourceOptions,
  dataDirOf,
  failOnFaults,
  nodesOf,
  refuseParentOfLogs,
  type SourceFlags,
  tokensOf,
  withSource,
} from './options.ts';
import { retentionOf, retentionOption } from './stat.ts';

interface CompactFlags extends SourceFlags {
  /** Milliseconds. */
  readonly retention?: number;
  readonly dryRun?: true;
}

export function register(log: Command): void {
  const command = log
    .command('compact')
    .summary('remove rows that are no longer needed')
    .description(
      'Removes the rows that have been beaten, deleted or expired for longer than --retention and that ' +
        'every member holds, as a node does by itself every few minutes. Points in time before the cut ' +
        'are refused from then on. With --url, a running node does it.',
    )
    .addOption(retentionOption())
    .option('--dry-run', 'only say how much it would free')
    .addHelpText('after', EXAMPLES)
    .action(compact);
  addSourceOptions(command, 'one');
}

async function compact(flags: CompactFlags): Promise<void> {
  if (flags.dryRun) {
    await foresee(flags);
    return;
  }
  const urls = nodesOf(flags);
  if (urls !== null) {
    const node = await RemoteNode.firstOf(urls, tokensOf(flags), flags.timeout);
    const query = flags.retention === undefined ? '' : `?retention_ms=${flags.retention}`;
    const { rows } = await node.post(`/_log/compact${query}`);
    await tell(flags, { rows }, `${countText(Number(rows))} rows removed.`);
    return;
  }
  // Imported here, so that help and mistakes don't wait for SQLite.
  refuseParentOfLogs(dataDirOf(flags));
  const { compactFile } = await import('../../node/compactOffline.ts');
  const { rows, sizeBeforeBytes, sizeAfterBytes } = await withProgress((progress) =>
    compactFile(dataDirOf(flags), retentionOf(flags), progress),
  );
  const sizes = `the file had ${bytesText(sizeBeforeBytes)} and has ${bytesText(sizeAfterBytes)}`;
  await tell(
    flags,
    { rows, size_before_bytes: sizeBeforeBytes, size_after_bytes: sizeAfterBytes },
    `${countText(rows)} rows removed; ${sizes}.`,
  );
}

async function withProgress<T>(run: (progress: CompactionProgress) => Promise<T>): Promise<T> {
  const [opening, compacting] = [new Progress('open'), new Progress('compact')];
  try {
    return await run({
      onOpening: (lsn, lastLsn) => opening.show(lsn, 'rows', lsn / Math.max(1, lastLsn)),
      onPage: (rows, share) => {
        opening.end();
        compacting.show(rows, 'rows', share);
      },
    });
  } finally {
    opening.end();
    compacting.end();
  }
}

async function foresee(flags: CompactFlags): Promise<void> {
  await withSource(flags, async ({ source }) => {
    const facts = await source.facts();
    const retentionMs = retentionOf(flags);
    const progress = new Progress('compact');
    const walk = new Walk(0, facts.lastLsn, progress.onPage);
    const fold = new StatisticsFold(facts, retentionMs);
    for await (const heads of walk.heads(source)) for (const head of heads) fold.take(head);
    progress.end();
    const { ops, compactable, textBytes } = fold.end();
    const share = textBytes === 0 ? 0 : (compactable.textBytes / textBytes) * 100;
    await tell(
      flags,
      {
        rows: compactable.rows,
        of_rows: ops,
        text_bytes: compactable.textBytes,
        older_than: instant(compactable.cutAt),
        dry_run: true,
      },
      `${countText(compactable.rows)} of ${countText(ops)} rows would go, with ${bytesText(compactable.textBytes)} ` +
        `(${share.toFixed(0)} %) of keys and values: nothing has needed them for ${durationText(retentionMs)}.`,
    );
    failOnFaults(walk);
  });
}

const tell = (flags: CompactFlags, result: object, text: string): Promise<void> =>
  printLine(flags.json === true ? JSON.stringify(result) : text);

const EXAMPLES = `
Examples:
  hearsay log compact --dry-run --retention 1h
  hearsay log compact --url http://localhost:8001`;
