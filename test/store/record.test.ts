import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZES } from '../../src/store/pages.ts';
import { MOST_PADDING_BYTES } from '../../src/store/record.ts';
import { Records } from '../../src/store/records.ts';
import { SoughtKey } from '../../src/store/soughtKey.ts';
import { put, tombstone } from '../support/ops.ts';

const test = suite('records of entries');

test('an entry keeps the row of its op, however far that is from its seq', () => {
  const records = new Records({ sizes: PAGE_SIZES });
  const slot = records.slots.take();
  const key = new SoughtKey();
  const position = fc.oneof(fc.nat(300), fc.maxSafeNat());
  fc.assert(
    fc.property(position, position, (seq, lsn) => {
      const op = put({ seq });
      key.set(op.key);
      records.write(op, lsn, slot, key);
      records.look(slot);
      assert.is(records.entry.lsn, lsn);
      assert.equal(records.entry.entry(), op);
    }),
    { numRuns: 1000 },
  );
});

test('an entry reads the same where a longer one lay, with a bound on the bytes that it leaves', () => {
  const text = fc
    .tuple(fc.constantFrom('v', 'é', '\u{1f600}'), fc.nat(70))
    .map(([character, count]) => `"${character.repeat(count)}"`);
  const someOp = fc.record({
    kind: fc.constantFrom('put', 'delete'),
    seq: fc.oneof(fc.nat(300), fc.maxSafeNat()),
    version: fc.oneof(fc.nat(300), fc.maxSafeNat()),
    expiresAt: fc.option(fc.nat(10 ** 12)),
    value: text,
    meta: fc.option(text),
  });
  const key = new SoughtKey();
  fc.assert(
    fc.property(fc.array(someOp, { minLength: 1 }), (all) => {
      const records = new Records({ sizes: PAGE_SIZES });
      const slot = records.slots.take();
      let isFirst = true;
      for (const { kind, seq, version, ...texts } of all) {
        const op = kind === 'put' ? put({ seq, version, ...texts }) : tombstone({ seq, version });
        key.set(op.key);
        if (isFirst) records.write(op, seq, slot, key);
        else records.replace(op, seq, slot, key);
        isFirst = false;
        records.look(slot);
        assert.equal(records.entry.entry(), op);
        const { entry } = records;
        const exact = new Records({ sizes: PAGE_SIZES });
        exact.write(op, seq, exact.slots.take(), key);
        exact.look(0);
        const padding = entry.size - exact.entry.size;
        assert.ok(padding >= 0 && padding <= MOST_PADDING_BYTES, `${padding} bytes`);
        assert.equal(
          [records.bytes.entries, records.image().droppableBytes],
          [entry.size, exact.image().droppableBytes],
        );
      }
    }),
    { numRuns: 300 },
  );
});

test.run();
