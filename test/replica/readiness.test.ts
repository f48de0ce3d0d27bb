/** Whether clients may read and write, as the gate and the state of the log say. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Readiness } from '../../src/replica/readiness.ts';
import { NotReadableError } from '../../src/words/errors.ts';

const readiness = suite('readiness for clients');

readiness('reads and writes are refused each for a reason of its own', () => {
  const ready = new Readiness();
  assert.equal([ready.isReadable, ready.isWritable, ready.writeRefusal()], [true, true, null]);
  ready.requireReadable();
  ready.refuseReads('it starts');
  ready.refuseWrites('it catches up');
  assert.equal([ready.isReadable, ready.isWritable], [false, false]);
  assert.throws(
    () => ready.requireReadable(),
    (error: unknown) => error instanceof NotReadableError && error.message.includes('it starts'),
  );
  assert.match(ready.writeRefusal()?.message ?? '', /it catches up/);
  ready.allowReads();
  assert.equal([ready.isReadable, ready.isWritable], [true, false]);
  ready.allowWrites();
  assert.is(ready.isWritable, true);
});

readiness('nobody writes into a log that a restart would not find, whatever the gate says', () => {
  const ready = new Readiness();
  ready.isLogLost = true;
  ready.allowWrites();
  assert.equal([ready.isReadable, ready.isWritable], [true, false]);
  assert.match(ready.writeRefusal()?.message ?? '', /its database was removed/);
});

readiness.run();
