import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BrokenInvariantError } from '../../src/words/errors.ts';
import { at, ensure, present } from '../../src/words/invariant.ts';

const invariants = suite('invariants');

const isBroken =
  (message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof BrokenInvariantError && message.test(error.message);

invariants('an element that is there is given, whatever it is', () => {
  assert.equal(
    [0, 1, 2, 3].map((index) => at(['', 0, null, false], index)),
    ['', 0, null, false],
  );
  assert.is(at(new Float64Array([1.5]), 0), 1.5);
});

invariants('an index outside of a list is a broken invariant', () => {
  for (const index of [-1, 2, 0.5, Number.NaN])
    assert.throws(() => at(['a', 'b'], index), isBroken(/a list of 2 has no element/));
});

invariants('a value that is missing is a broken invariant, named', () => {
  assert.is(present(0, 'a count'), 0);
  assert.throws(() => present(undefined, 'the record'), isBroken(/the record is missing/));
  assert.throws(() => present(null, 'the record'), isBroken(/the record is missing/));
});

invariants('a condition that is false is a broken invariant, named', () => {
  ensure(true, 'lsns grow');
  assert.throws(() => ensure(false, 'lsns grow'), isBroken(/must hold that lsns grow/));
});

invariants.run();
