/**
 * Appends to a new log with durability=normal: puts, a `join`, puts, and that a log which was set aside is settled. It says on stdout when the log is
 * open, and after each of these commits.
 */
import { writeSync } from 'node:fs';
import { openSqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { CLUSTER, commitOf, OWN_ORIGIN, rowOf, rowsOf } from '../../conformance/logRows.ts';
import { membership } from '../../support/ops.ts';

const [directory = ''] = process.argv.slice(2);

/** Written at once, so that a trace of system calls shows it in its place. */
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};

const log = await openSqliteLog({
  directory,
  durability: 'normal',
  clusterName: CLUSTER,
  newOrigin: () => OWN_ORIGIN,
});
say('open');
await log.append(commitOf(rowsOf(1, 1)));
say('put');
await log.append(
  commitOf([rowOf(2, membership({ origin: OWN_ORIGIN, seq: 2, key: 'node2.b' }), false)]),
);
say('join');
await log.append(commitOf(rowsOf(3, 3)));
say('put again');
await log.append(commitOf([], { facts: { settledLog: 'node1.before' } }));
say('settled');
await log.close();
