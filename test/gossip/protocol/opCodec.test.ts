import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeOp, encodeOp, MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import {
  LAST_VERSION,
  MAX_COUNTER,
  MAX_GENERATION,
  MAX_PUT_VERSION,
  type Op,
} from '../../../src/words/op.ts';
import { wireOp } from '../../support/generators.ts';
import { membership, put, tombstone } from '../../support/ops.ts';

const codec = suite('op on the wire');
const isMalformed = (error: unknown): boolean => error instanceof MalformedMessageError;

const FIELDS = [
  'kind',
  'origin',
  'seq',
  'hlc',
  'key',
  'generation',
  'version',
  'expiresAt',
  'value',
  'meta',
] as const;
type Field = (typeof FIELDS)[number];

/** The op on the wire, with one field changed. */
function wireWith(op: Op, field: Field, value: unknown): unknown[] {
  const wire: unknown[] = JSON.parse(encodeOp(op));
  wire[FIELDS.indexOf(field)] = value;
  return wire;
}

codec('an op is an array of its fields in a fixed order, its value as text', () => {
  const op = put({ key: 'k', value: '{"a": 1.0}', meta: '{"m":1}', expiresAt: 7 });
  assert.is(
    encodeOp(op),
    '["put","node1.aaaaaa",1,1000000,"k",0,1,7,"{\\"a\\": 1.0}","{\\"m\\":1}"]',
  );
  assert.is(
    encodeOp(tombstone({ key: 'k' })),
    '["delete","node1.aaaaaa",1,1000000,"k",0,1,null,null,null]',
  );
});

codec('every op comes back as it went, with the same hash', () => {
  fc.assert(
    fc.property(wireOp, (op) => assert.equal(decodeOp(JSON.parse(encodeOp(op))), op)),
    { numRuns: 1000 },
  );
});

codec('a field of another type is named as that, whichever it is', () => {
  for (const field of FIELDS)
    assert.throws(
      () => decodeOp(wireWith(put(), field, { odd: true })),
      /an op has a field of another type/,
    );
});

codec('ops have their members in one order, whether born here or come from a peer', () => {
  for (const op of [put(), tombstone(), membership()])
    assert.equal(
      Object.keys(decodeOp(JSON.parse(encodeOp(op)))),
      Object.keys(decodeOp(JSON.parse(encodeOp(put())))),
    );
});

codec('what is no array of ten fields is refused', () => {
  const wire: unknown[] = JSON.parse(encodeOp(put()));
  for (const wrong of [null, {}, 'put', 1, [], wire.slice(1), [...wire, null]])
    assert.throws(() => decodeOp(wrong), isMalformed);
});

const NO_JSON = ['', '{', 'undefined', "'a'"];
const NO_TEXT = [null, 1, true, {}, ['a'], '\ud800', 'a\udc00'];
const NO_COUNT = [null, -1, 1.5, '1', true, {}, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53];

const WRONG: Readonly<Record<Field, readonly unknown[]>> = {
  kind: [null, 1, '', 'PUT', 'Put', 'get', 'toString', '__proto__', {}],
  origin: [...NO_TEXT, '../escaped', '__proto__'],
  seq: [...NO_COUNT, 0],
  hlc: [...NO_COUNT, MAX_COUNTER + 1],
  key: [...NO_TEXT, ''],
  generation: [...NO_COUNT, MAX_GENERATION + 1],
  version: [...NO_COUNT, LAST_VERSION],
  expiresAt: NO_COUNT.filter((value) => value !== null),
  value: [...NO_TEXT, ...NO_JSON],
  meta: [...NO_TEXT, ...NO_JSON].filter((value) => value !== null),
};

for (const field of FIELDS) {
  codec(`a put whose ${field} is out of its range is refused`, () => {
    for (const value of WRONG[field])
      assert.throws(() => decodeOp(wireWith(put(), field, value)), isMalformed);
  });
}

codec('the ends of every range are taken', () => {
  const ends: [Field, unknown][] = [
    ['seq', 1],
    ['seq', Number.MAX_SAFE_INTEGER],
    ['hlc', 0],
    ['hlc', MAX_COUNTER],
    ['generation', MAX_GENERATION],
    ['version', 0],
    ['version', MAX_PUT_VERSION],
    ['expiresAt', 0],
    ['key', '\0'],
    ['value', ' 1 '],
    ['meta', '[]'],
  ];
  for (const [field, value] of ends)
    assert.is(decodeOp(wireWith(put(), field, value))[field], value, field);
});

codec('a kind with fields of another is refused', () => {
  const wrong: [Op, Field, unknown][] = [
    [tombstone(), 'value', '1'],
    [tombstone(), 'meta', '{}'],
    [tombstone(), 'expiresAt', 7],
    [membership(), 'meta', '{}'],
    [membership(), 'expiresAt', 7],
    [membership(), 'value', 1],
    [membership({ kind: 'retire' }), 'value', '{}'],
    [membership(), 'key', 'no origin'],
    [put(), 'kind', 'delete'],
    [tombstone(), 'kind', 'put'],
    [put({ expiresAt: 7 }), 'kind', 'join'],
  ];
  for (const [op, field, value] of wrong)
    assert.throws(() => decodeOp(wireWith(op, field, value)), isMalformed);
});

codec('whatever comes, it is an op or malformed, and nothing else goes wrong', () => {
  const field = fc.constantFrom(...FIELDS);
  fc.assert(
    fc.property(wireOp, field, fc.anything(), (op, name, value) => {
      const wire = wireWith(op, name, value);
      try {
        assert.equal(decodeOp(JSON.parse(encodeOp(decodeOp(wire)))), decodeOp(wire));
      } catch (error) {
        assert.ok(isMalformed(error), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

codec.run();
