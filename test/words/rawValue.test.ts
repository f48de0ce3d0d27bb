/** Raw values: bytes and their type come back, and nothing else is taken for one. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  isRawType,
  MAX_MEDIA_TYPE_LENGTH,
  RAW_META,
  rawParts,
  rawValueFrom,
  rawValueOf,
} from '../../src/words/rawValue.ts';

const raw = suite('raw values');

const TYPES = [
  'image/png',
  'TEXT/Plain; charset=ISO-8859-1',
  'multipart/form-data;boundary="a \\"b\\" c"',
  // Parameters may be empty (RFC 9110, section 5.6.6).
  'application/vnd.api+protobuf; v=1;; x=y;',
  `a/${'b'.repeat(MAX_MEDIA_TYPE_LENGTH - 2)}`,
];

const NO_TYPES = [
  '',
  ';',
  'png',
  'image/',
  '/png',
  ' image/png',
  'image/png ',
  'image/png\r\nSet-Cookie: a=b',
  'image/ünicode',
  'text/plain; charset',
  'text/plain; charset="open',
  'text/plain; charset=a b',
  'application/json',
  'Application/JSON; charset=utf-8',
  'application/problem+json',
  `a/${'b'.repeat(MAX_MEDIA_TYPE_LENGTH - 1)}`,
];

for (const type of TYPES)
  raw(`${type.slice(0, 60)} is a type of raw bytes`, () => assert.ok(isRawType(type)));
for (const type of NO_TYPES)
  raw(`${JSON.stringify(type.slice(0, 60))} is no type of raw bytes`, () =>
    assert.not.ok(isRawType(type)),
  );

raw('any bytes come back with their type, and the text is JSON that says both', () => {
  const parts = fc.tuple(fc.uint8Array(), fc.constantFrom(...TYPES));
  fc.assert(
    fc.property(parts, ([array, type]) => {
      const bytes = Buffer.from(array);
      const { value, meta } = rawParts({ bytes, type });
      assert.equal(rawValueOf({ value, meta }), { bytes, type });
      assert.equal(rawValueFrom(JSON.parse(value)), { bytes, type });
      assert.equal(JSON.parse(String(meta)), 'bytes');
    }),
  );
});

raw('a JSON value that looks like one is none: it has another meta', () => {
  const { value } = rawParts({ bytes: Buffer.from('abc'), type: 'image/png' });
  for (const meta of [null, '{}', '{"values":["bytes"]}', '"Bytes"', '"bytes" ', '"\\u0062ytes"'])
    assert.is(rawValueOf({ value, meta }), null);
});

raw('a value in any other spelling is JSON, whatever its meta says', () => {
  for (const value of [
    'null',
    '"bytes"',
    '{"bytes":"YWJj"}',
    '{"bytes":"YWJj","type":"image/png" }',
    '{"bytes":"YWJj","type":"image/png","more":1}',
    '{"type":"image/png","bytes":"YWJj"}',
    '{"bytes":"YWJ","type":"image/png"}',
    '{"bytes":"YW-j","type":"image/png"}',
    '{"bytes":"YW j","type":"image/png"}',
    '{"bytes":"====","type":"image/png"}',
    '{"bytes":"YWJj","type":"image\\/png"}',
    '{"bytes":"YWJj","type":"application/json"}',
    '{"bytes":"YWJj","type":"image/png\\r\\nX: y"}',
    '{"bytes":"YWJj","type":7}',
    '{"bytes":"YWJj","type":"image/png"',
  ])
    assert.is(rawValueOf({ value, meta: RAW_META }), null, value);
});

raw('no text at all makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (head, tail) => {
      rawValueOf({ value: `{"bytes":"${head}","type":${tail}`, meta: RAW_META });
    }),
  );
});

raw('of a description in JSON every member counts', () => {
  assert.equal(rawValueFrom({ type: 'text/plain', bytes: '' }), {
    bytes: Buffer.alloc(0),
    type: 'text/plain',
  });
  for (const json of [
    null,
    [],
    'YWJj',
    { bytes: 'YWJj' },
    { bytes: 'YWJj', type: 'x' },
    { bytes: 'YWJj', type: 'a/b', other: 1 },
    { bytes: ['YWJj'], type: 'a/b' },
    { bytes: 'Y', type: 'a/b' },
  ])
    assert.is(rawValueFrom(json), null);
});

raw.run();
