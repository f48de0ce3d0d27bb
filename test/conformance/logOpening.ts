/** The part of the conformance suite about what an opening finds of the runs before it. */

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { WrongDirectoryError } from '../../src/words/errors.ts';
import { ZERO } from '../../src/words/hash.ts';
import type { OriginRecord } from '../../src/words/row.ts';
import { NO_FACTS } from '../../src/words/row.ts';
import type { LogPlace, WithPlace } from './logPlace.ts';
import { ALL, CLUSTER, commitOf, lsnsOf, OWN_ORIGIN, record, rejects, rowsOf } from './logRows.ts';

/** With the methods that the tests use bound to it. */
export async function opened(open: LogPlace['open']) {
  const log = await open();
  const { header, origins, lastLsn } = log;
  return { header, origins, lastLsn, close: () => log.close() };
}

export function openingTests(test: Test, withPlace: WithPlace): void {
  test('a new log is empty and has the origin that it was given', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      assert.equal(log.header, {
        clusterName: CLUSTER,
        clusterId: null,
        origin: OWN_ORIGIN,
        horizon: 0,
        stable: new Map(),
        stableClock: -1,
        facts: NO_FACTS,
      });
      assert.equal(log.origins, []);
      assert.is(log.lastLsn, 0);
      assert.is(log.stoppedUncleanly, false);
      assert.equal(await log.rowsAfter(0, ALL), []);
      await log.close();
    }));

  test('header, records and rows are found again', () =>
    withPlace(async ({ open }) => {
      const header = {
        clusterId: 'c0ffee',
        horizon: 2 ** 52,
        stable: new Map([
          [OWN_ORIGIN, 3],
          ['node2.b', 2 ** 53 - 1],
        ]),
        stableClock: 1_800_000_000_000,
        facts: {
          joined: true,
          formedAtMs: 1_800_000_000_000,
          admittedBy: 'node2.b',
          owesOrigin: true,
          snapshot: 'taken',
          cutAtMs: 0,
          mapSum: { lsn: 3, asOf: 7, sum: { high: 0xffffffff, low: 1 } },
          reached: [{ vector: new Map([[OWN_ORIGIN, 2]]), clock: 1_800_000_003_600 }],
          givenUp: { state: 'forked', openedAtSeq: 2, hadOthers: true },
          offered: { origin: OWN_ORIGIN, from: 1, to: 2 },
          settledLog: OWN_ORIGIN,
          importOf: '',
          others: Object.fromEntries([
            ['of a later version', '1800000000000'],
            ['__proto__', 'a fact like any other'],
          ]),
        },
      } as const;
      const records: OriginRecord[] = [
        { ...record(OWN_ORIGIN, 3, { high: 0xffffffff, low: 0 }), reach: 2 },
        { ...record('node2.b', 2 ** 53 - 1, ZERO), compactedSum: { high: 7, low: 0xffffffff } },
      ];
      const log = await open();
      await log.append({ rows: rowsOf(1, 3), origins: records, header });
      await log.close();
      const again = await open();
      assert.equal(again.header, { clusterName: CLUSTER, origin: OWN_ORIGIN, ...header });
      assert.equal(again.origins, records);
      assert.is(again.lastLsn, 3);
      assert.is(again.stoppedUncleanly, false);
      assert.equal(await again.rowsAfter(0, ALL), rowsOf(1, 3));
      await again.append(commitOf(rowsOf(4, 4)));
      assert.equal(lsnsOf(await again.rowsAfter(0, ALL)), [1, 2, 3, 4]);
      await again.close();
    }));

  test('a commit that only changes the header keeps what it does not name', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      await log.append(
        commitOf([], { horizon: 5, facts: { cutAtMs: 1, others: { a: '1', b: '2' } } }),
      );
      await log.append(
        commitOf([], { clusterId: 'x', facts: { joined: true, others: { b: '3' } } }),
      );
      await log.append({ rows: [], origins: [record('node2.b', 1, ZERO)] });
      await log.append({ rows: [], origins: [record('node2.b', 2, { high: 1, low: 2 })] });
      await log.close();
      const { header, origins, lastLsn, ...again } = await opened(open);
      assert.is(header.horizon, 5);
      assert.is(header.clusterId, 'x');
      assert.equal(header.facts, {
        ...NO_FACTS,
        joined: true,
        cutAtMs: 1,
        others: { a: '1', b: '3' },
      });
      assert.equal(origins, [record('node2.b', 2, { high: 1, low: 2 })]);
      assert.is(lastLsn, 0);
      await again.close();
    }));

  test('a cluster of another name is refused, and both are named', () =>
    withPlace(async ({ open }) => {
      await (await open()).close();
      const error = await rejects(open({ clusterName: 'other' }), WrongDirectoryError);
      assert.match(error.message, `"${CLUSTER}"`);
      assert.match(error.message, '"other"');
      await (await open()).close();
    }));

  test('a stop with durability=normal but without closing is told at the next opening', () =>
    withPlace(async ({ open, kill }) => {
      const killed = await open({ durability: 'normal' });
      await killed.append(commitOf(rowsOf(1, 1)));
      await kill(killed);
      const found = await open({ durability: 'normal' });
      assert.is(found.stoppedUncleanly, true);
      assert.is(found.lastLsn, 1);
      await found.close();
    }));

  test('closing leaves nothing to tell', () =>
    withPlace(async ({ open }) => {
      const log = await open({ durability: 'normal' });
      await log.append(commitOf(rowsOf(1, 1)));
      await log.close();
      const closed = await open({ durability: 'normal' });
      assert.is(closed.stoppedUncleanly, false);
      await closed.close();
    }));

  test('it stays told until own ops go on under another origin', () =>
    withPlace(async ({ open, kill }) => {
      await kill(await open({ durability: 'normal' }));
      await kill(await open());
      await (await open()).close();
      await (await open({ durability: 'normal' })).close();
      const told = await open();
      assert.is(told.stoppedUncleanly, true);
      await told.append(commitOf([], { origin: 'node1.b' }));
      await kill(told);
      const settled = await open();
      assert.is(settled.stoppedUncleanly, false);
      assert.is(settled.header.origin, 'node1.b');
      await settled.close();
    }));

  test('with durability=normal the new origin may lose its end too', () =>
    withPlace(async ({ open, kill }) => {
      await kill(await open({ durability: 'normal' }));
      const told = await open({ durability: 'normal' });
      await told.append(commitOf([], { origin: 'node1.b' }));
      await kill(told);
      const again = await open({ durability: 'normal' });
      assert.is(again.stoppedUncleanly, true);
      await again.append(commitOf([], { origin: 'node1.c' }));
      await again.close();
      const settled = await open({ durability: 'normal' });
      assert.is(settled.stoppedUncleanly, false);
      await settled.close();
    }));

  test('a stop with durability=full loses nothing, so there is nothing to tell', () =>
    withPlace(async ({ open, kill }) => {
      const log = await open();
      await log.append(commitOf(rowsOf(1, 2)));
      await kill(log);
      const again = await open();
      assert.is(again.stoppedUncleanly, false);
      assert.equal(await again.rowsAfter(0, ALL), rowsOf(1, 2));
      await again.close();
    }));
}
