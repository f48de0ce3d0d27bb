import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZES } from '../../src/store/pages.ts';
import { Records } from '../../src/store/records.ts';
import { SoughtKey } from '../../src/store/soughtKey.ts';
import { put } from '../support/ops.ts';

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

test.run();
