import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutAtMs, isOld, showedAtCut } from '../../src/rules/compaction.ts';
import { ORIGINS } from '../support/generators.ts';

const [ORIGIN] = ORIGINS;

const compaction = suite('rows that compaction may remove (rule 10)');

compaction('the cut lies the retention before now', () => {
  assert.is(cutAtMs(10_000, 4000, null, 1000), 6000);
  assert.is(cutAtMs(10_000, 4000, 9000, 0), 6000);
});

compaction('after a retire the cut is held before it, to the end of the hold', () => {
  assert.is(cutAtMs(10_000, 100, 9500, 501), 8999);
  assert.is(cutAtMs(10_000, 100, 9500, 500), 9900, 'the hold has ended');
  assert.is(cutAtMs(10_000, 4000, 9500, 501), 6000, 'the retention goes further back');
});

compaction('a row is old up to the cut, below the last row, and once it is stable', () => {
  const row = { origin: ORIGIN, seq: 3, lsn: 7, committedAt: 5000 };
  const end = { cutAt: 5000, stable: new Map([[ORIGIN, 3]]), lastLsn: 8 };
  assert.is(isOld(row, end), true);
  assert.is(isOld(row, { ...end, cutAt: 4999 }), false);
  assert.is(isOld(row, { ...end, lastLsn: 7 }), false);
  assert.is(isOld(row, { ...end, stable: new Map([[ORIGIN, 2]]) }), false);
});

compaction('a row showed at the cut if it won, and had not died by then', () => {
  const head = {
    origin: ORIGIN,
    seq: 3,
    lsn: 7,
    committedAt: 5000,
    key: 'a',
    kind: 'put',
    generation: 0,
    version: 1,
    hlc: 1,
    hashHigh: 0,
    hashLow: 0,
    won: true,
    expiresAt: 6000,
  } as const;
  assert.is(showedAtCut(head, 5999), true);
  assert.is(showedAtCut(head, 6000), false);
  assert.is(showedAtCut({ ...head, won: false }, 5999), false);
});

compaction.run();
