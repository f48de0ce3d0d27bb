/** Counts of records stay right where one is written over another. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MOST_PADDING_BYTES } from '../../src/store/record.ts';
import { Records } from '../../src/store/records.ts';
import { SoughtKey } from '../../src/store/soughtKey.ts';
import type { Put } from '../../src/words/op.ts';
import { KIB } from '../../src/words/size.ts';
import { put } from '../support/ops.ts';

const test = suite('records that are replaced');

/** A record of the op, in a slot, and what replaces it. */
function written(op: Put, maxBytes = Number.POSITIVE_INFINITY) {
  const records = new Records({ sizes: { firstBytes: KIB, bytes: KIB }, maxBytes });
  const key = new SoughtKey();
  key.set(op.key);
  const slot = records.slots.take();
  records.write(op, op.seq, slot, key);
  records.look(slot);
  const replace = (next: Put): void => {
    records.look(slot);
    records.replace(next, next.seq, slot, key);
    records.look(slot);
  };
  return { records, slot, replace };
}

test('an origin whose last entry is written over is forgotten', () => {
  const { records, slot, replace } = written(put({ key: 'a', seq: 1, origin: 'node1.a' }));
  const address = records.slots.addressOf(slot);
  for (let count = 0; count < 3; count++) {
    replace(put({ key: 'a', seq: 2, origin: `node${count}.b`, version: count }));
    assert.is(records.slots.addressOf(slot), address);
    assert.equal(records.image().origins.origins.length, 1, 'the one that is left');
    assert.is(records.entry.origin, `node${count}.b`);
  }
});

test('a record lies where the one before it lay if it fits, and if it is at most a few bytes shorter', () => {
  const textOf = (length: number): string => `"${'v'.repeat(length - 2)}"`;
  const opOf = (seq: number, length: number): Put => put({ key: 'a', seq, value: textOf(length) });
  for (const [length, stays] of [
    [101, false],
    [100, true],
    [99, true],
    [100 - MOST_PADDING_BYTES, true],
    [100 - MOST_PADDING_BYTES - 1, false],
  ] as const) {
    const { records, slot, replace } = written(opOf(1, 100));
    const address = records.slots.addressOf(slot);
    const { size } = records.entry;
    replace(opOf(2, length));
    assert.is(records.slots.addressOf(slot) === address, stays, `${length} bytes`);
    assert.is(records.entry.size, stays ? size : size + length - 100);
    assert.is(records.entry.value, textOf(length));
    assert.is(records.image().droppableBytes, length);
    // The next one may use the bytes that were left.
    replace(opOf(3, 100));
    assert.is(records.slots.addressOf(slot) === address, stays, `${length} bytes, then 100`);
    assert.is(records.entry.size, length > 100 ? size + 1 : size);
  }
});

test('a value that may be dropped does not lie where one lay that may not', () => {
  const longValue = `"${'v'.repeat(62)}"`;
  const shortValue = `"${'v'.repeat(61)}"`;
  // A longer version makes up for the shorter value.
  const { records, slot, replace } = written(
    put({ key: 'a', seq: 1, value: longValue, version: 1 }),
  );
  const address = records.slots.addressOf(slot);
  const { size } = records.entry;
  assert.is(records.image().droppableBytes, longValue.length);
  replace(put({ key: 'a', seq: 2, value: shortValue, version: 128 }));
  assert.is(records.image().droppableBytes, 0);
  assert.is(records.entry.size, size);
  assert.is.not(records.slots.addressOf(slot), address);
  assert.is(records.entry.value, shortValue);
  assert.is(records.bytes.entries, records.entry.size);
});

test('what replaces an entry whose value is only in the log does not lie in its place', () => {
  const cold = put({ key: 'a', seq: 1, value: `"${'v'.repeat(62)}"`, expiresAt: 1 });
  const { records, slot, replace } = written(cold, 1);
  while (records.compactSlice(KIB) > 0);
  records.look(slot);
  assert.equal([records.entry.isCold, records.coldSize], [true, 1]);
  const { size } = records.entry;
  // Its value is as long as the expiry that it lacks.
  replace(put({ key: 'a', seq: 2, value: '"12345"' }));
  assert.is(records.entry.size, size);
  assert.equal([records.entry.isCold, records.coldSize], [false, 0]);
  assert.is(records.entry.value, '"12345"');
});

test.run();
