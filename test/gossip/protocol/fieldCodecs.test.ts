/** Bounds and shapes of fields that several messages have, and of the reports in rounds. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMessage, encodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import { MAX_ORIGINS } from '../../../src/words/vector.ts';

const HASH = 'HGswvgZPMHA';
const ORIGIN = 'node1.hr0fpm';

const fields = suite('fields of messages');

const isMalformed = (error: unknown): boolean => error instanceof MalformedMessageError;

/** Whether the message decodes. It fails as malformed, and in no other way. */
function decodes(message: object): boolean {
  const text = JSON.stringify(message);
  try {
    decodeMessage(text);
    return true;
  } catch (error) {
    assert.ok(isMalformed(error), String(error));
    return false;
  }
}

const manyOrigins = (count: number): string[] =>
  Array.from({ length: count }, (_one, index) => `n${index}.aaaaaa`);
const vectorOf = (count: number) =>
  Object.fromEntries(manyOrigins(count).map((origin) => [origin, 1]));
const reportWith = (members: readonly unknown[]) => ({
  type: 'certificate',
  id: 'r',
  report: { members, min: {}, max: {}, clock: 1 },
});
const changesWith = (changes: object) => ({
  type: 'certificate',
  id: 'r',
  changes: { base: HASH, hash: HASH, clock: 1, ...changes },
});

fields(
  'vectors, ranges and reports name as many origins as a cluster may have, and no more',
  () => {
    for (const messageOf of [
      (count: number) => ({ type: 'have', vector: vectorOf(count) }),
      (count: number) => ({
        type: 'delta',
        ranges: manyOrigins(count).map((origin) => [origin, 0, 1, HASH]),
        ops: [],
      }),
      (count: number) => reportWith(manyOrigins(count)),
      (count: number) => changesWith({ min: Array(2 * count).fill(1) }),
    ]) {
      assert.ok(decodes(messageOf(MAX_ORIGINS)));
      assert.not(decodes(messageOf(MAX_ORIGINS + 1)));
    }
  },
);

fields('a report names origins as they are written', () => {
  assert.ok(decodes(reportWith([ORIGIN])));
  for (const name of ['', 'node1', 'no de.aaaaaa', 7, null])
    assert.not(decodes(reportWith([name])));
});

fields('lists that are empty are left out of differences', () => {
  for (const changes of [{}, { joined: [ORIGIN] }, { left: [ORIGIN] }]) {
    const text = JSON.stringify(changesWith(changes));
    assert.is(encodeMessage(decodeMessage(text)), text);
  }
});

fields('sums are whole hashes, and a digest has at least that of its map', () => {
  const digestWith = (sums: string) => ({
    type: 'digest',
    clock: 1,
    asOf: 1,
    horizon: 0,
    vector: {},
    sums,
  });
  assert.ok(decodes(digestWith(HASH)));
  assert.not(decodes(digestWith('')));
  assert.throws(
    () => decodeMessage(JSON.stringify(digestWith(HASH.slice(1)))),
    /the sums are cut off/,
  );
});

fields('a deleted key stands beside its HLC, and nothing else does', () => {
  const deletedWith = (one: readonly unknown[]) => ({
    type: 'deleted',
    deletes: [one],
    next: null,
  });
  assert.ok(decodes(deletedWith(['key', 7])));
  for (const wrong of [['key'], ['key', 7, 1], [7, 7], ['key', '7'], ['key', -1]])
    assert.not(decodes(deletedWith(wrong)), JSON.stringify(wrong));
});

fields.run();
