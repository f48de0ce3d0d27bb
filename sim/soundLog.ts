/** Whether `hearsay log verify` would call a log sound, at a moment at which a backup could be made of it. */
import type { StoredLog } from '../src/log/memory.ts';
import { Findings } from '../src/log/tools/finding.ts';
import { RowChecks } from '../src/log/tools/rowChecks.ts';
import type { Report } from './violation.ts';

/** @param name that of its node. */
export function checkIsSound(name: string, stored: StoredLog, report: Report): void {
  const { header, origins: records, rows } = stored;
  const findings = new Findings();
  const checks = new RowChecks({ header, records, lastLsn: rows.at(-1)?.lsn ?? 0 }, findings);
  for (const row of rows) checks.row(row);
  checks.end();
  for (const { origin, seq, text } of findings.all())
    report('false alarm', `the log of ${name} is called damaged: ${origin}/${seq} ${text}`);
}
