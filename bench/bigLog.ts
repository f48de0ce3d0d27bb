/** A long log in a file, written as a node would write it, without its waiting for the disk. */

import { openSqliteLog } from '../src/log/sqlite/sqliteLog.ts';
import { add, hashOp, ZERO } from '../src/words/hash.ts';
import type { Put, Unhashed } from '../src/words/op.ts';
import type { OriginRecord, Row } from '../src/words/row.ts';

export const ORIGINS = ['node1.aaaaaa', 'node2.bbbbbb', 'node3.cccccc'] as const;
const COMMIT_ROWS = 5000;

/** Ops of three origins in turn, on keys in an order that looks random and is always the same. */
export async function writeBigLog(directory: string, ops: number, keys: number): Promise<void> {
  const log = await openSqliteLog({
    directory,
    durability: 'normal',
    clusterName: 'hearsay',
    newOrigin: () => ORIGINS[0],
  });
  const records = new Map<string, OriginRecord>();
  const versions = new Map<string, number>();
  const startMs = Date.now() - 24 * 3_600_000;
  for (let lsn = 1; lsn <= ops; ) {
    const rows: Row[] = [];
    for (; rows.length < COMMIT_ROWS && lsn <= ops; lsn++) {
      const key = `user:${(Math.imul(lsn, 2_654_435_761) >>> 0) % keys}:profile`;
      const origin = ORIGINS[lsn % ORIGINS.length] ?? ORIGINS[0];
      const record = records.get(origin) ?? {
        origin,
        seq: 0,
        sum: ZERO,
        reach: 0,
        compactedSum: ZERO,
      };
      const version = (versions.get(key) ?? 0) + 1;
      versions.set(key, version);
      const committedAt = startMs + Math.floor(lsn / 25);
      const put: Unhashed<Put> = {
        origin,
        seq: record.seq + 1,
        hlc: committedAt * 1000 + (lsn % 25),
        kind: 'put',
        key,
        generation: 0,
        version,
        expiresAt: null,
        value: JSON.stringify({ id: lsn, name: 'somebody', score: lsn / 7 }),
        meta: null,
      };
      const { high, low } = hashOp(put);
      records.set(origin, { ...record, seq: put.seq, sum: add(record.sum, { high, low }) });
      rows.push({ lsn, committedAt, won: true, op: { ...put, hashHigh: high, hashLow: low } });
    }
    await log.append({ rows, origins: [...records.values()] });
  }
  await log.close();
}
