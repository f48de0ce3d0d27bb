/** Rows that are read from the log: how many at once, and what of a row that can't be as it was written. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ColdRows } from '../../src/replica/coldRows.ts';
import { DamagedLogError, type HearsayError } from '../../src/words/errors.ts';
import type { KeyOp } from '../../src/words/op.ts';
import { MIB } from '../../src/words/size.ts';
import { openReplica, putting, type TestLog, turn } from '../support/replicas.ts';

interface Cold {
  readonly cold: ColdRows;
  readonly log: TestLog;
  /** The lsns of each read of the log. */
  readonly reads: number[][];
  readonly failures: HearsayError[];
  readonly holdReads: () => () => void;
  /** Puts another log in the place of this one. */
  readonly replace: () => Promise<void>;
}

/** A log with a join, whose lsn is 1, and so many puts after it. */
async function opened(count: number): Promise<Cold> {
  const { replica, log, holdReads } = await openReplica();
  await replica.membership.form('cluster', '{}');
  await replica.submit(Array.from({ length: count }, (_, index) => putting(`k${index}`)));
  const reads: number[][] = [];
  const rowsAt = log.rowsAt.bind(log);
  log.rowsAt = (lsns) => {
    reads.push([...lsns]);
    return rowsAt(lsns);
  };
  const failures: HearsayError[] = [];
  let present = log;
  const cold = new ColdRows({
    log: () => present,
    place: 'the test log',
    failed: (error) => failures.push(error),
  });
  const replace = async (): Promise<void> => {
    present = (await openReplica()).log;
  };
  return { cold, log, reads, failures, holdReads, replace };
}

const keyOf = (op: KeyOp | null): string | undefined => op?.key;

const rows = suite('rows that memory had no room for');

rows('one read is under way at a time, and a row is read once for all that wait', async () => {
  const { cold, reads, holdReads } = await opened(3);
  const goOn = holdReads();
  const first = cold.read({ lsn: 2 });
  await turn();
  const others = [cold.read({ lsn: 3 }), cold.read({ lsn: 2 }), cold.read({ lsn: 4 })];
  await turn();
  assert.equal(reads, [[2]]);
  goOn();
  assert.equal((await Promise.all([first, ...others])).map(keyOf), ['k0', 'k1', 'k0', 'k2']);
  assert.equal([reads, cold.reads], [[[2], [3, 4]], 3]);
  assert.is(keyOf(await cold.read({ lsn: 2 })), 'k0');
  assert.equal(reads.slice(2), [[2]]);
});

rows('a read has at most 256 rows', async () => {
  const { cold, reads } = await opened(300);
  await Promise.all(Array.from({ length: 300 }, (_, index) => cold.read({ lsn: index + 2 })));
  assert.equal(
    reads.map(({ length }) => length),
    [256, 44],
  );
});

rows('a read ends with the row that reaches a mebibyte, as far as sizes are known', async () => {
  const { cold, reads } = await opened(5);
  const textBytes = MIB / 2;
  await Promise.all([2, 3, 4, 5, 6].map((lsn) => cold.read({ lsn, textBytes })));
  assert.equal(reads, [[2, 3], [4, 5], [6]]);
});

rows('a row that is gone is nobody, and a row of no key is damage', async () => {
  const { cold, failures } = await opened(1);
  assert.is(await cold.read({ lsn: 99 }), null);
  assert.equal([cold.reads, failures], [0, []]);
  await cold.read({ lsn: 1 }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, DamagedLogError),
  );
  assert.is(failures.length, 1);
  assert.is(keyOf(await cold.read({ lsn: 2 })), 'k0', 'the others are read all the same');
});

rows('a row that is not as it was written is given to nobody', async () => {
  const { cold, log, failures } = await opened(1);
  const rowsAt = log.rowsAt.bind(log);
  log.rowsAt = async (lsns) =>
    (await rowsAt(lsns)).map((row) => ({ ...row, op: { ...row.op, hashLow: 1 } }));
  await cold.read({ lsn: 2 }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, DamagedLogError),
  );
  assert.instance(failures[0], DamagedLogError);
  assert.is(cold.reads, 0);
});

rows('a log that can not be read fails those that wait, and stops nobody', async () => {
  const { cold, log, failures } = await opened(1);
  log.rowsAt = () => Promise.reject(new Error('the disk'));
  for (let times = 0; times < 2; times++)
    await cold.read({ lsn: 2 }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), /the disk/),
    );
  assert.equal(failures, []);
});

rows('a log that is damaged fails them too, and stops the node', async () => {
  const { cold, log, failures } = await opened(1);
  const damage = new DamagedLogError('the test log', 'it is broken', 2);
  log.rowsAt = () => Promise.reject(damage);
  await cold.read({ lsn: 2 }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.is(error, damage),
  );
  assert.equal(failures, [damage]);
});

for (const isDamaged of [false, true])
  rows(
    `once another log is there, nobody gets rows of the old one, ${isDamaged ? 'nor its faults' : 'as they are'}`,
    async () => {
      const { cold, log, failures, holdReads, replace } = await opened(2);
      const goOn = holdReads();
      const rowsAt = log.rowsAt.bind(log);
      log.rowsAt = async (lsns) => {
        const found = await rowsAt(lsns);
        if (isDamaged) throw new DamagedLogError('the test log', 'it is broken', 2);
        return found;
      };
      const waiting = [cold.read({ lsn: 2 })];
      await turn();
      waiting.push(cold.read({ lsn: 3 }));
      await replace();
      cold.forget();
      assert.equal(await Promise.all(waiting), [null, null]);
      goOn();
      await turn();
      assert.equal([cold.reads, failures], [0, []]);
      assert.is(await cold.read({ lsn: 2 }), null, 'the new log has no such row');
    },
  );

rows.run();
