import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LatestExpiries } from '../../src/rules/expiry.ts';
import { markOfEntry, NO_EXPIRIES } from '../../src/words/expiryMark.ts';
import { put, tombstone } from '../support/ops.ts';

const expiring = (key: string, expiresAt: number) => put({ key, expiresAt, seq: expiresAt });

/** The keys that it gives, in order. */
const keysOf = (latest: LatestExpiries): string[] => latest.take().expired.map(({ key }) => key);

const expiries = suite('the last of many expiries');

expiries('they come out in the order in which they happened', () => {
  const latest = new LatestExpiries(5);
  for (const [key, at] of [
    ['b', 20],
    ['c', 30],
    ['a', 10],
  ] as const)
    latest.add(expiring(key, at));
  assert.equal(keysOf(latest), ['a', 'b', 'c']);
  assert.equal(latest.take().knownSince, NO_EXPIRIES, 'none is missing');
});

expiries('beyond the limit the earliest go, and it is told up to which one', () => {
  const latest = new LatestExpiries(2);
  for (const at of [40, 10, 30, 20]) latest.add(expiring(`at ${at}`, at));
  assert.equal(keysOf(latest), ['at 30', 'at 40']);
  assert.equal(latest.take().knownSince, markOfEntry(expiring('at 20', 20)));
});

expiries('up to what is known to be missing none is kept, and the next one is', () => {
  const latest = new LatestExpiries(5, markOfEntry(expiring('known', 20)));
  for (const at of [10, 20, 21]) latest.add(expiring(`at ${at}`, at));
  assert.equal(keysOf(latest), ['at 21']);
});

expiries('a tombstone takes the place of an earlier expiry of its key, and is none itself', () => {
  const latest = new LatestExpiries(5);
  latest.add(expiring('a', 10));
  latest.add(expiring('b', 20));
  latest.add(tombstone({ key: 'a', seq: 3 }));
  assert.equal(keysOf(latest), ['b']);
});

expiries('a later expiry of a key takes the place of an earlier one', () => {
  const latest = new LatestExpiries(5);
  latest.add(expiring('a', 10));
  latest.add(expiring('b', 20));
  latest.add(expiring('a', 30));
  assert.equal(keysOf(latest), ['b', 'a']);
});

expiries(
  'up to twice the limit are held, so that a tombstone makes room for an earlier one',
  () => {
    const latest = new LatestExpiries(1);
    latest.add(expiring('a', 10));
    latest.add(expiring('b', 20));
    latest.add(tombstone({ key: 'b', seq: 3 }));
    assert.equal(keysOf(latest), ['a']);
    assert.equal(latest.take().knownSince, NO_EXPIRIES);
  },
);

expiries('more than twice the limit are never held', () => {
  const latest = new LatestExpiries(1);
  for (const at of [10, 20, 30]) latest.add(expiring(`at ${at}`, at));
  latest.add(tombstone({ key: 'at 30', seq: 31 }));
  assert.equal(latest.take(), { expired: [], knownSince: markOfEntry(expiring('at 20', 20)) });
});

expiries.run();
