/** A sealed message is taken once, in its turn, by the other side of its connection alone. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterSecret } from '../../src/net/clusterSecrets.ts';
import { SEAL_BYTES, type Seal, sealOf } from '../../src/net/seal.ts';

const seals = suite('sealed messages');

const SECRET = new ClusterSecret('the secret');

const pair = (nonces: readonly [string, string] = ['a', 'b']): readonly [Seal, Seal] => [
  sealOf(SECRET, nonces, 'dialler'),
  sealOf(SECRET, nonces, 'acceptor'),
];

seals('texts come as they were sent, both ways, and are not to be read in between', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 8 })), (texts) => {
      const [here, there] = pair();
      for (const text of texts) {
        const sealed = here.seal(text);
        assert.is(sealed.length, Buffer.byteLength(text) + SEAL_BYTES);
        assert.not.ok(sealed.includes(text));
        assert.is(there.open(sealed), text);
        assert.is(here.open(there.seal(text)), text);
      }
    }),
  );
});

seals('a changed, doubled, left out, cut or returned message is not taken', () => {
  const sent = (): readonly [Seal, Seal, Buffer, Buffer] => {
    const [here, there] = pair();
    return [here, there, here.seal('one'), here.seal('two')];
  };
  const [, doubled, one] = sent();
  assert.is(doubled.open(one), 'one');
  assert.is(doubled.open(one), null);
  const [, leftOut, , two] = sent();
  assert.is(leftOut.open(two), null);
  const [returned, , back] = sent();
  assert.is(returned.open(back), null);
  for (let length = 0; length < one.length; length++) {
    const [, there, text] = sent();
    assert.is(there.open(text.subarray(0, length)), null);
  }
  for (let bit = 0; bit < one.length * 8; bit++) {
    const [, there, text] = sent();
    text[bit >> 3] = (text[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.is(there.open(text), null);
  }
});

seals('each connection has keys of its own, and so has each secret', () => {
  const [here] = pair(['a', 'b']);
  for (const [, there] of [
    pair(['a', 'c']),
    pair(['b', 'a']),
    [here, sealOf(new ClusterSecret('another'), ['a', 'b'], 'acceptor')] as const,
  ])
    assert.is(there.open(sealOf(SECRET, ['a', 'b'], 'dialler').seal('text')), null);
});

seals.run();
