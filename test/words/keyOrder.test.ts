import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareKeys } from '../../src/words/keyOrder.ts';
import { wellFormedText } from '../support/generators.ts';

const order = suite('order of keys');

order('it is the order of the bytes in UTF-8', () => {
  fc.assert(
    fc.property(wellFormedText, wellFormedText, wellFormedText, (front, a, b) => {
      const [one, other] = [front + a, front + b];
      const expected = Buffer.compare(Buffer.from(one), Buffer.from(other));
      assert.is(Math.sign(compareKeys(one, other)), expected);
    }),
    { numRuns: 2000 },
  );
});

order('pairs of surrogates come after all that one code unit holds', () => {
  const keys = ['\u{1f600}', '\uffff', '\ue000', '\ud7ff', 'a', '\u{10000}', ''];
  const expected = ['', 'a', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}'];
  assert.equal(keys.sort(compareKeys), expected);
});

order.run();
