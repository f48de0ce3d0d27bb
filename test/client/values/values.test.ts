/** Values on their way out and back, and what a hostile writer may have put beside them. */

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InvalidRequestError, UndecodableValueError } from '../../../src/client/errors.ts';
import { decodeValue, encodeValue, JsonText } from '../../../src/client/values/values.ts';
import { anyValue } from './anyValue.ts';

const values = suite('values');

/** As another client reads it: through JSON text. */
function roundTrip(value: unknown): unknown {
  const { value: text, meta } = encodeValue(value);
  return decodeValue(JSON.parse(text), JSON.parse(meta ?? 'null'));
}

/**
 * V8 13.6 takes the name `\.` for `\\` once it has parsed an object whose name is the latter: it
 * compares the text before the escapes are resolved. What is tested here is what lies above it.
 */
function isReadByPlatform(value: unknown): boolean {
  const { value: text, meta } = encodeValue(value);
  return [text, meta ?? 'null'].every((json) => JSON.stringify(JSON.parse(json)) === json);
}

const decoding = (json: unknown, meta: unknown) => () => decodeValue(json, meta);
const isUndecodable = (error: unknown): boolean => error instanceof UndecodableValueError;
const isInvalid = (error: unknown): boolean => error instanceof InvalidRequestError;

values('any value reads back as it was', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      fc.pre(isReadByPlatform(value));
      assert.ok(isDeepStrictEqual(roundTrip(value), value));
    }),
    { numRuns: 1000 },
  );
});

values('any JSON goes out as plain JSON, and nothing else is needed to read it', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      // JSON has a minus zero, and JSON.stringify writes none.
      fc.pre(!/-0(?![.\d])/.test(text));
      const encoded = encodeValue(value);
      assert.is(encoded.meta, null);
      assert.is(encoded.value, JSON.stringify(value));
    }),
  );
});

values('each kind that JSON has no form for', () => {
  const kinds: unknown[] = [
    undefined,
    new Date(0),
    new Date(Number.NaN),
    new Map<unknown, unknown>([
      [{ a: 1 }, new Set([1n, undefined])],
      [new Date(1), new Map()],
    ]),
    new Set([new Map([[Number.NaN, -0]])]),
    10n ** 40n,
    Number.POSITIVE_INFINITY,
    -0,
    /a\/b/giu,
    new URL('https://example.org/a?b#c'),
    new Uint8Array([0, 255]),
    new Int32Array([-1]),
    new Float32Array([0.5, Number.NaN, Number.NEGATIVE_INFINITY, -0]),
    new Float64Array([Number.MIN_VALUE, -0, Number.NaN]),
    new Float64Array([1.5]),
    new BigInt64Array([-1n, 2n ** 63n - 1n]),
    new BigUint64Array([2n ** 64n - 1n]),
    new Uint8ClampedArray([1]),
    { 'a.b': 1n, 'c\\d': 2n, '': { '': 3n }, '\\.': new Date(4) },
    [undefined, [undefined]],
  ];
  for (const value of kinds) assert.ok(isDeepStrictEqual(roundTrip(value), value), String(value));
});

values('an error keeps its name, message and cause', () => {
  const found = roundTrip(new TypeError('wrong', { cause: new Date(3) })) as Error;
  assert.instance(found, Error);
  assert.is(found.name, 'TypeError');
  assert.is(found.message, 'wrong');
  assert.equal(found.cause, new Date(3));
});

values("Node's Buffer reads back as what it is elsewhere", () => {
  const found = roundTrip({ bytes: Buffer.from([1, 2]) });
  assert.ok(isDeepStrictEqual(found, { bytes: new Uint8Array([1, 2]) }));
});

values('keys that stand for more in JavaScript are keys', () => {
  const value: unknown = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "prototype": 3}');
  const found = roundTrip(value);
  assert.is(JSON.stringify(found), '{"__proto__":{"a":1},"constructor":2,"prototype":3}');
  assert.not.ok(Object.hasOwn(Object.prototype, 'a'));
});

values('beside typed values those keys are refused, not lost', () => {
  assert.throws(() => encodeValue({ constructor: 1, at: new Date() }), isInvalid);
  assert.throws(() => encodeValue([JSON.parse('{"__proto__": 1}'), 1n]), isInvalid);
});

values('what has no form is refused, and the message says what it is', () => {
  class Point {
    x = 1;
  }
  const circle: { self?: unknown } = {};
  circle.self = [circle];
  const holes: unknown[] = [];
  holes[1] = 1;
  const refused: [unknown, RegExp][] = [
    [() => 1, /a function/],
    [{ a: [Symbol('a')] }, /a symbol/],
    [new Point(), /an instance of Point/],
    [new Map([['a', Promise.resolve()]]), /an instance of Promise/],
    [new ArrayBuffer(1), /an instance of ArrayBuffer/],
    [new DataView(new ArrayBuffer(1)), /an instance of DataView/],
    [Object(1), /made with new/],
    [circle, /refers to itself/],
    [holes, /array with holes/],
    [{ toJSON: () => undefined }, /no form in JSON/],
  ];
  for (const [value, why] of refused) assert.throws(() => encodeValue(value), why);
});

values('a class that says what it is in JSON is stored as that', () => {
  class Money {
    toJSON(): string {
      return '3 EUR';
    }
  }
  assert.equal(roundTrip([new Money(), 1n]), ['3 EUR', 1n]);
  class Nothing {
    toJSON(): undefined {}
  }
  assert.throws(() => encodeValue(new Nothing()), /no form in JSON/);
});

values('an object that occurs twice is stored twice', () => {
  const shared = { at: new Date(5) };
  assert.equal(roundTrip([new Set([shared, 1]), shared]), [new Set([shared, 1]), shared]);
});

values('nesting too deep for JSON is refused', () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  assert.throws(() => encodeValue(deep), /nested too deeply/);
  assert.throws(() => encodeValue([deep, 1n]), /nested too deeply/);
});

values('exact digits are written as they are', () => {
  const json: { parse: unknown; rawJSON?: (text: string) => unknown } = JSON;
  const digits = json.rawJSON?.('12345678901234567890');
  assert.is(encodeValue({ digits }).value, '{"digits":12345678901234567890}');
  assert.throws(() => encodeValue([digits, 1n]), isInvalid);
});

values('JSON text goes out as it is, with its annotations, and must be JSON', () => {
  const text = '{"n": 12345678901234567890.50}';
  assert.equal({ ...encodeValue(new JsonText(text)) }, { value: text, meta: null });
  assert.equal(
    { ...encodeValue(new JsonText('[1]', '{"v": 1}')) },
    { value: '[1]', meta: '{"v": 1}' },
  );
  for (const wrong of ['1,"version":9', '', '{'])
    assert.throws(() => new JsonText(wrong), isInvalid);
  assert.throws(() => new JsonText('1', '}'), isInvalid);
});

values(
  'plain JSON of other writers reads as it is, with or without members of meta that we know',
  () => {
    for (const meta of [
      undefined,
      null,
      {},
      { write: 'x' },
      { v: 1 },
      { v: 99, more: true },
      [],
      'x',
    ])
      assert.equal(decodeValue({ a: [1, null] }, meta), { a: [1, null] });
  },
);

values('annotations without a version, as older writers send them', () => {
  assert.equal(decodeValue({ 'a\\b': '1' }, { values: { 'a\\b': ['bigint'] } }), { 'a\\b': 1n });
});

values('equal references of other writers', () => {
  const meta = { referentialEqualities: { a: ['b.0'] }, v: 1 };
  const found = decodeValue({ a: { x: 1 }, b: [null] }, meta) as { a: object; b: object[] };
  assert.is(found.a, found.b[0]);
});

const HOSTILE: readonly [what: string, json: unknown, meta: unknown][] = [
  ['a prototype', {}, { values: { '__proto__.polluted': ['undefined'] }, v: 1 }],
  ['a constructor', {}, { values: { 'constructor.prototype.polluted': ['bigint'] }, v: 1 }],
  [
    'an own __proto__',
    JSON.parse('{"__proto__":"1"}'),
    { values: JSON.parse('{"__proto__":["bigint"]}'), v: 1 },
  ],
  [
    'a prototype by reference',
    { a: 1 },
    { referentialEqualities: { a: ['__proto__.polluted'] }, v: 1 },
  ],
  ['an inherited member', {}, { values: { toString: ['bigint'] }, v: 1 }],
  ['a typed array out of a number', 4e9, { values: [['typed-array', 'Uint8Array']], v: 1 }],
  ['a typed array that is none', [1], { values: [['typed-array', 'Function']], v: 1 }],
  ['a class', {}, { values: [['class', 'x']], v: 1 }],
  ['a symbol', 'x', { values: [['symbol', 'x']], v: 1 }],
  ['a custom type', 'x', { values: [['custom', 'x']], v: 1 }],
  ['an element beyond the end', [], { values: { 4000000000: ['undefined'] }, v: 1 }],
  ['the length of an array', [1], { values: { length: ['bigint'] }, v: 1 }],
  ['a map of a number', 3, { values: ['map'], v: 1 }],
  ['no bigint', 'x', { values: ['bigint'], v: 1 }],
  ['a regular expression of a number', 3, { values: ['regexp'], v: 1 }],
  ['text for a tree', {}, { values: 'Date', v: 1 }],
  ['text in a tree', { a: 1 }, { values: { a: 'Date' }, v: 1 }],
  ['equalities that are text', {}, { referentialEqualities: 'a', v: 1 }],
  ['a newer version', 1, { values: ['Date'], v: 2 }],
  ['an exact array of nothing', 1, { values: [['custom', 'hearsay:array']], v: 1 }],
  [
    'an exact array of another class',
    ['Function'],
    { values: [['custom', 'hearsay:array']], v: 1 },
  ],
];

for (const [what, json, meta] of HOSTILE)
  values(`hostile annotations: ${what}`, () => {
    assert.throws(decoding(json, meta), isUndecodable);
    assert.is(Reflect.get({}, 'polluted'), undefined);
    assert.equal(Object.keys(Object.prototype), []);
  });

values('hostile annotations: a tree without end', () => {
  let tree: unknown = ['map'];
  for (let depth = 0; depth < 10_000; depth++) tree = ['map', { 0: tree }];
  assert.throws(decoding([], { values: tree, v: 1 }), isUndecodable);
});

values('whatever stands in meta, reading throws nothing else and pollutes nothing', () => {
  const path = fc.constantFrom(
    '',
    '0',
    'a',
    'a.b',
    '__proto__',
    'constructor.prototype',
    'length',
    '\\',
  );
  const type = fc.constantFrom(
    'Date',
    'map',
    'set',
    'bigint',
    'Error',
    'URL',
    'regexp',
    'undefined',
    'x',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.tuple(type),
      fc.tuple(
        fc.tuple(
          fc.constantFrom('typed-array', 'custom', 'class'),
          fc.constantFrom('Uint8Array', 'x'),
        ),
      ),
      fc.tuple(type, fc.dictionary(path, tie('tree'))),
      fc.dictionary(path, tie('tree')),
      fc.jsonValue(),
    ),
  }));
  const meta = fc.record(
    {
      values: tree,
      referentialEqualities: fc.oneof(tree, fc.dictionary(path, fc.array(path))),
      v: fc.constantFrom(0, 1),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.jsonValue(), meta, (json, annotations) => {
      try {
        decodeValue(json, annotations);
      } catch (error) {
        assert.ok(isUndecodable(error), String(error));
      }
      assert.equal(Reflect.ownKeys(Object.prototype).length, PROTOTYPE_KEYS);
    }),
    { numRuns: 1000 },
  );
});

const PROTOTYPE_KEYS = Reflect.ownKeys(Object.prototype).length;

values.run();
