/**
 * Appends to the log of a directory until it is killed: commit after commit of one row to five, each with
 * the record of its origin. On stdout a line for each append that has resolved, with its last lsn; the
 * first line says that the log is open. Where it can't be opened, it prints the error's name.
 */
import { writeSync } from 'node:fs';
import { openSqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { add, carriedHash, ZERO } from '../../../src/words/hash.ts';
import { CLUSTER, OWN_ORIGIN, rowsOf } from '../../conformance/logRows.ts';

const [directory = '', durability] = process.argv.slice(2);

/** How long it waits for a reader of a full pipe, in milliseconds. */
const PAUSE_MS = 1;

/** Written at once: what is not on the pipe when the process is killed has not been told. */
function say(line: string | number): void {
  for (;;)
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      // The pipe is full: it takes short lines whole or not at all.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
}

try {
  const log = await openSqliteLog({
    directory,
    durability: durability === 'normal' ? 'normal' : 'full',
    clusterName: CLUSTER,
    newOrigin: () => OWN_ORIGIN,
  });
  say('open');
  let lsn = log.lastLsn;
  let sum = log.origins[0]?.sum ?? ZERO;
  for (let commits = 0; ; commits++) {
    const rows = rowsOf(lsn + 1, lsn + 1 + (commits % 5));
    for (const { op } of rows) sum = add(sum, carriedHash(op));
    lsn += rows.length;
    const record = { origin: OWN_ORIGIN, seq: lsn, sum, reach: 0, compactedSum: ZERO };
    await log.append({ rows, origins: [record], header: { horizon: lsn } });
    say(lsn);
  }
} catch (error) {
  say(error instanceof Error ? error.name : String(error));
}
