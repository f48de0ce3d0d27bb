/** The events of one position for a row, an expiry or an entry; and the record for watchers who come later. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Closings, FollowedVector } from '../../src/rules/closings.ts';
import { LatestExpiries } from '../../src/rules/expiry.ts';
import { ExpiryRecord } from '../../src/watch/expiryRecord.ts';
import { judge, MissingRowError, Position } from '../../src/watch/position.ts';
import { SharedEvent } from '../../src/watch/sharedEvent.ts';
import { isStillTold, Timeline, type TimelineItem } from '../../src/watch/timeline.ts';
import { markOfClock, markOfEntry, NO_EXPIRIES } from '../../src/words/expiryMark.ts';
import type { KeyOp, Put } from '../../src/words/op.ts';
import { membership, put, row, tombstone } from '../support/ops.ts';
import { lines } from './hub/fakeSink.ts';

const judging = suite('what a row is told as');

const NOW = markOfClock(1000);
/** All members had reached this time before their clocks were set back. */
const REACHED_MS = 1500;
const viewOf = (...entries: readonly KeyOp[]) => ({
  entry: (key: string) => entries.find((entry) => entry.key === key),
  mayBeCollected: ({ expiresAt }: KeyOp) => expiresAt !== null && expiresAt <= REACHED_MS,
});
const old = put({ key: 'a', seq: 1, version: 1 });
const later = put({ key: 'a', seq: 2, version: 2 });

for (const [what, op, entry, told] of [
  ['the entry: put', old, old, 'put'],
  ['one that a later op has won: nothing', old, later, null],
  ['an entry whose time has passed: expire', put({ expiresAt: 1000 }), 'same', 'expire'],
  ['an entry whose time is to come: put', put({ expiresAt: 1001 }), 'same', 'put'],
  ['a tombstone: delete', tombstone(), 'same', 'delete'],
  ['a tombstone that was collected: delete', tombstone(), undefined, 'delete'],
  ['an expired put that was collected: expire', put({ expiresAt: 900 }), undefined, 'expire'],
  ['a put whose DELETE was collected: nothing', put({ expiresAt: null }), undefined, null],
  [
    'one that was collected by a greater clock: delete',
    put({ expiresAt: REACHED_MS }),
    undefined,
    'delete',
  ],
  [
    'one that no clock has reached, and that is gone: nothing',
    put({ expiresAt: REACHED_MS + 1 }),
    undefined,
    null,
  ],
] as const)
  judging(what, () => {
    const now = entry === 'same' ? op : entry;
    assert.is(judge(op, viewOf(...(now === undefined ? [] : [now])), NOW), told);
  });

judging.run();

const followed = (...seqs: readonly [string, number][]) =>
  new FollowedVector(seqs, new Closings(), 0);

const positions = suite('positions');

const at = (fields: Partial<ConstructorParameters<typeof Position>[2]> = {}, prefix = '') =>
  new Position(prefix, 0, { vector: followed(), told: NOW, state: null, ...fields });
const covering = (seq: number) => followed(['node1.aaaaaa', seq]);
const listed = (vector: ReadonlyMap<string, number>) => new Map(vector);

positions('a row that the vector covers is passed over, and so is one that did not win', () => {
  const position = at({ vector: covering(1) });
  assert.is(position.passRow(row(1, old), viewOf(old)), null);
  assert.is(position.passRow(row(2, later, false), viewOf(later)), null);
  assert.is(position.lsn, 2);
  assert.equal(listed(position.vector), listed(covering(2)));
});

positions('rows of members and of other prefixes move it on and are not told', () => {
  const position = at({}, 'b');
  assert.is(position.passRow(row(1, old), viewOf(old)), null);
  assert.is(position.passRow(row(2, membership({ seq: 2 })), viewOf()), null);
  assert.equal(listed(position.vector), listed(covering(2)));
});

positions('a row that does not follow on shows that rows are missing, and changes nothing', () => {
  const position = at();
  const passes = () => position.passRow(row(5, later), viewOf(later));
  assert.throws(passes, (error: unknown) => error instanceof MissingRowError);
  assert.is(position.lsn, 0);
  assert.equal(listed(position.vector), new Map());
});

positions('while the state is told, keys after its place are left to it', () => {
  const position = at({ state: { after: 'm' } });
  const [m, n] = [put({ key: 'm', seq: 1 }), put({ key: 'n', seq: 2 })];
  assert.is(position.passRow(row(1, m), viewOf(m, n)), 'put');
  assert.is(position.passRow(row(2, n), viewOf(m, n)), null);
  const [o, p] = [put({ key: 'o', seq: 3 }), put({ key: 'p', seq: 2, expiresAt: 1000 })];
  assert.is(position.passEntry(n), true);
  assert.is(position.passEntry(o), false, 'its row comes later');
  assert.is(position.passEntry(p), false, 'it has expired');
  assert.equal(position.state, { after: 'p' });
});

positions('an expiry is told where the vector covers its entry, which nothing has followed', () => {
  const record = new ExpiryRecord(10);
  const expiryOf = (entry: Put) => record.add(entry);
  const gone = put({ key: 'a', seq: 1, expiresAt: 10 });
  for (const [vector, entry, isTold] of [
    [covering(1), gone, true],
    [covering(1), undefined, true],
    [covering(0), gone, false],
    [covering(2), later, false],
  ] as const) {
    const position = at({ vector, told: NO_EXPIRIES });
    const view = viewOf(...(entry === undefined ? [] : [entry]));
    assert.is(position.passExpiry(expiryOf(gone), view), isTold);
    assert.equal(position.told, markOfEntry(gone), 'it is passed in any case');
  }
  const beaten = record.add(gone);
  record.beat(later);
  assert.is(at({ vector: covering(2) }).passExpiry(beaten, viewOf()), false);
});

positions.run();

const records = suite('record of expiries');

const expiring = (expiresAt: number, seq: number) => put({ key: `k${seq}`, expiresAt, seq });
const keysAfter = (record: ExpiryRecord, from = NO_EXPIRIES): string[] => {
  const keys: string[] = [];
  for (let next = record.next(from); next !== undefined; next = record.next(next.mark))
    keys.push(next.key);
  return keys;
};

records('keeps expiries in their order, also one that came after its time', () => {
  const record = new ExpiryRecord(10);
  for (const entry of [expiring(5, 1), expiring(9, 2), expiring(9, 3), expiring(7, 4)])
    record.add(entry);
  assert.equal(keysAfter(record), ['k1', 'k4', 'k2', 'k3']);
  assert.equal(keysAfter(record, markOfEntry(expiring(9, 2))), ['k3'], 'ties are told apart');
});

records('drops the earliest beyond its limit, and knows since when it knows', () => {
  const record = new ExpiryRecord(2);
  for (const seq of [1, 2, 3]) record.add(expiring(seq, seq));
  assert.equal(keysAfter(record), ['k2', 'k3']);
  assert.equal(record.knownSince, markOfEntry(expiring(1, 1)));
  record.add(expiring(1, 1));
  assert.is(record.size, 2, 'what is older than it knows is not taken in');
});

records('an entry that lived again after its expiry and expired anew is kept once', () => {
  const record = new ExpiryRecord(10);
  const expiry = record.add(expiring(5, 1));
  assert.is(record.add(expiring(5, 1)), expiry);
  assert.equal(keysAfter(record), ['k1']);
  record.beat(put({ key: 'k1', seq: 2 }));
  assert.is(expiry.isBeaten, true);
  assert.is(record.size, 1);
});

records('takes in nothing up to the mark since which it knows', () => {
  const record = new ExpiryRecord(10);
  record.forget(markOfEntry(expiring(5, 2)));
  for (const entry of [expiring(4, 3), expiring(5, 1), expiring(5, 2)]) record.add(entry);
  assert.is(record.size, 0);
  record.add(expiring(5, 3));
  assert.equal(keysAfter(record), ['k3']);
});

records('an expiry that is dropped takes no later one of its key with it', () => {
  const record = new ExpiryRecord(2);
  const again = (seq: number) => put({ key: 'again', expiresAt: seq, seq });
  const [first, second] = [record.add(again(1)), record.add(again(2))];
  assert.is(first.isBeaten, true);
  assert.is(second.isBeaten, false);
  record.add(expiring(3, 3));
  assert.equal(keysAfter(record), ['again', 'k3'], 'the first is dropped');
  record.beat(again(4));
  assert.is(second.isBeaten, true);
});

records('a great many pass through it', () => {
  const record = new ExpiryRecord(100);
  for (let seq = 1; seq <= 10_000; seq++) record.add(expiring(seq, seq));
  assert.is(keysAfter(record).length, 100);
  record.forget(markOfClock(20_000));
  assert.equal(keysAfter(record), []);
});

records(
  'of what had expired before a start it takes the last, and knows that there was more',
  () => {
    const latest = new LatestExpiries(3);
    for (const seq of [5, 1, 9, 3, 7, 2, 8]) latest.add(expiring(seq, seq));
    latest.add(put({ seq: 99 }));
    const { expired, knownSince } = latest.take();
    assert.equal(
      expired.map(({ key }) => key),
      ['k7', 'k8', 'k9'],
    );
    assert.equal(knownSince, markOfEntry(expiring(5, 5)));
    // It comes late, and what had expired right after it is not known any more.
    latest.add(expiring(4, 4));
    latest.add(put({ key: 'k9', seq: 100 }));
    assert.equal(
      latest.take().expired.map(({ key }) => key),
      ['k7', 'k8'],
    );
    const few = new LatestExpiries(3);
    few.add(expiring(1, 1));
    assert.is(few.take().knownSince, NO_EXPIRIES);
    const restored = new LatestExpiries(3, knownSince);
    for (const seq of [6, 5]) restored.add(expiring(seq, seq));
    assert.equal(
      restored.take().expired.map(({ key }) => key),
      ['k6'],
    );
  },
);

records.run();

const timelines = suite('timeline');

const itemOf = (op: Put, lsn: number | null, toldBefore = NO_EXPIRIES): TimelineItem => ({
  event: new SharedEvent('put', op, 'cursor'),
  lsn,
  toldBefore,
  origin: op.origin,
  seq: op.seq,
});

timelines('the place before an item is what a watcher there has been told', () => {
  const timeline = new Timeline({ maxRecentEvents: 10, maxRecentEventBytes: 1e6 });
  const toldBefore = markOfClock(5);
  timeline.append(itemOf(old, 3));
  timeline.append(itemOf(put({ key: 'x', seq: 9, origin: 'node2.bbbbbb' }), null, toldBefore));
  timeline.append(itemOf(later, 7, NOW));
  const end = { lsn: 8, vector: followed(...covering(2), ['node2.bbbbbb', 9]), told: NOW };
  const placeAt = (index: number) => {
    const place = timeline.placeAt(index, end);
    return { ...place, vector: listed(place.vector) };
  };
  assert.equal(placeAt(3), { ...end, vector: listed(end.vector) });
  assert.equal(placeAt(2), {
    ...end,
    lsn: 6,
    vector: new Map([...covering(1), ['node2.bbbbbb', 9]]),
  });
  assert.equal(placeAt(1).told, toldBefore);
  assert.equal(placeAt(0), {
    lsn: 2,
    vector: new Map([...covering(0), ['node2.bbbbbb', 9]]),
    told: NO_EXPIRIES,
  });
});

timelines('the oldest go beyond the limits, and indices stay', () => {
  const timeline = new Timeline({ maxRecentEvents: 4, maxRecentEventBytes: 1e6 });
  for (let seq = 1; seq <= 5; seq++) timeline.append(itemOf(put({ seq }), seq));
  timeline.trim();
  assert.is(timeline.end, 5);
  assert.is(timeline.first, 2);
  assert.is(timeline.at(1), undefined);
  assert.is(timeline.at(2)?.seq, 3);
  const small = new Timeline({ maxRecentEvents: 100, maxRecentEventBytes: 2000 });
  for (let seq = 1; seq <= 5; seq++)
    small.append(itemOf(put({ seq, value: 'x'.repeat(500) }), seq));
  small.trim();
  assert.is(small.end - small.first, 1);
});

timelines('who comes to an item later is told it only while nothing has followed', () => {
  const dead = put({ seq: 1, expiresAt: 1000 });
  assert.is(isStillTold(itemOf(old, 1), old, NOW), true);
  assert.is(isStillTold(itemOf(old, 1), later, NOW), false);
  assert.is(isStillTold(itemOf(old, 1), undefined, NOW), false, 'its end stands further on');
  assert.is(isStillTold(itemOf(dead, 1), dead, NOW), false, 'so does its expiry');
  const gone = { ...itemOf(old, 1), event: new SharedEvent('delete', old, 'cursor') };
  assert.is(isStillTold(gone, undefined, NOW), true);
  assert.is(isStillTold(gone, later, NOW), false);
});

timelines('an event is encoded once for each format, however many ask for it', () => {
  let encodings = 0;
  const format = { ...lines(), encode: () => Buffer.from(String(++encodings)) };
  const event = new SharedEvent('put', old, 'cursor');
  for (let watcher = 0; watcher < 1000; watcher++) event.bytes(format);
  event.bytes({ ...format, index: 3 });
  assert.is(encodings, 2);
});

timelines.run();
