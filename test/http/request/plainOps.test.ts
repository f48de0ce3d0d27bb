/** Requests that are read straight from the bytes of a body are those that parsing and the schemas give. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Problem } from '../../../src/http/answer/problem.ts';
import { parseJson } from '../../../src/http/request/body.ts';
import { PlainOps } from '../../../src/http/request/plainOps.ts';
import { createSchemas, putBodySchema } from '../../../src/http/request/schemas.ts';
import { validate } from '../../../src/http/request/validate.ts';
import { batchRequests, lineRequest, putRequestOf } from '../../../src/http/request/writes.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../../../src/words/op.ts';
import type { Request } from '../../../src/words/requests.ts';
import { jsonText } from '../../support/generators.ts';

const ops = suite('plain ops');
const limits = { ...defaultLimits, maxKeyBytes: 8, maxBatchOps: 4 };
const { batchOp, batchBody } = createSchemas(limits);
const plain = new PlainOps(limits);

/** As a body that nothing is known of is read. @returns null if it is refused. */
function requestsOf<R>(bytes: Buffer, read: (body: ReturnType<typeof parseJson>) => R): R | null {
  try {
    return read(parseJson(bytes));
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

const parsedBatch = (bytes: Buffer): Request[] | null =>
  requestsOf(bytes, (body) =>
    batchRequests({ ...body, checked: validate(batchBody, body.parsed) }),
  );

const parsedOp = (bytes: Buffer): Request | null =>
  requestsOf(bytes, (body) => lineRequest({ ...body, checked: validate(batchOp, body.parsed) }));

const parsedPut = (bytes: Buffer): Request | null =>
  requestsOf(bytes, (body) =>
    putRequestOf('key', { ...body, checked: validate(putBodySchema, body.parsed) }),
  );

const someText = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);

const numberText = someText(
  '0',
  '1',
  '-0',
  '1.0',
  '1e2',
  '01',
  '-1',
  '+1',
  '1.',
  '.5',
  '1e',
  '1E+2',
  '999999999999999',
  `${MAX_PUT_VERSION}`,
  `${MAX_PUT_VERSION + 1}`,
  `${MAX_TTL_MS}`,
  `${MAX_TTL_MS + 1}`,
);
const oddText = fc.oneof(
  jsonText,
  numberText,
  someText(
    'nul',
    'true',
    'null',
    '"next"',
    '"\\u12g4"',
    '"\\x"',
    '"a\nb"',
    '"\\"',
    '[1,]',
    '{"a":1,}',
    '{"a"}',
    '{,}',
    '[',
    '}',
    '""',
    `${'['.repeat(31)}${']'.repeat(31)}`,
  ),
);
const mostly = (good: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 40, arbitrary: good }, oddText);

/** Any JSON, with escapes where it would leave ASCII. */
const asciiJson = jsonText.map((text) =>
  text.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  ),
);

const fields = {
  key: mostly(
    fc.oneof(
      { weight: 9, arbitrary: someText('"a"', '"key1"', '"12345678"') },
      someText('"123456789"', '""', '"a\\n"', '"ä"'),
    ),
  ),
  value: mostly(asciiJson),
  version: mostly(fc.oneof({ weight: 9, arbitrary: someText('"next"', '1', '7') }, numberText)),
  ttl_ms: mostly(fc.oneof({ weight: 9, arbitrary: someText('null', '1000') }, numberText)),
  meta: mostly(someText('{}', '{}', 'null', '{"values":{"a":["Date"]}}', '"bytes"')),
};
type Name = keyof typeof fields;
const space = fc.oneof(
  { weight: 200, arbitrary: someText('', '', '', ' ', '\n\t', '\r ') },
  someText('\u00a0', '\0', ','),
);

const member = (name: Name | 'op', text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 60, arbitrary: fc.constant(name) },
        someText('other', 'ttl', 'k\\u0065y', '__proto__'),
      ),
      space,
      space,
      text,
      space,
    )
    .map(([written, before, after, value, end]) => `"${written}"${before}:${after}${value}${end}`);

/** An op with the names of its further fields, so that most are right. */
const SHAPES: readonly (readonly [op: string, ...names: Name[]])[] = [
  ['put', 'key', 'value', 'version'],
  ['put', 'version', 'key', 'value', 'ttl_ms', 'meta'],
  ['put', 'key', 'version', 'ttl_ms', 'value'],
  ['get', 'key'],
  ['delete', 'key'],
  ['delete', 'version', 'key'],
  ['put', 'key', 'value', 'version', 'value'],
  ['put', 'key', 'key', 'value', 'version'],
  ['put', 'key', 'value', 'version', 'version'],
  ['put', 'key', 'meta', 'meta', 'ttl_ms', 'ttl_ms', 'version', 'value'],
  ['put', 'value', 'version'],
  ['put', 'key', 'version'],
  ['put', 'key', 'value'],
  ['get', 'key', 'version'],
  ['get', 'key', 'ttl_ms'],
  ['get'],
  ['delete', 'key', 'meta'],
  ['delete', 'key', 'value'],
  ['touch', 'key', 'ttl_ms'],
  ['p\\u0075t', 'key', 'value', 'version'],
];
const GOOD_SHAPES = SHAPES.slice(0, 6);

const opText = fc
  .oneof({ weight: 6, arbitrary: fc.constantFrom(...GOOD_SHAPES) }, fc.constantFrom(...SHAPES))
  .chain(([op, ...names]) =>
    fc.tuple(
      member('op', mostly(fc.constant(`"${op}"`))),
      ...names.map((name) => member(name, fields[name])),
    ),
  )
  .chain((members) => fc.shuffledSubarray(members, { minLength: members.length }))
  .map((members) => `{${members.join()}}`);

const PUT_SHAPES: readonly (readonly Name[])[] = [
  ['value', 'version'],
  ['value', 'version', 'ttl_ms', 'meta'],
  ['value', 'version', 'meta'],
  ['value', 'version', 'version'],
  ['value', 'version', 'value'],
  ['value', 'version', 'key'],
  ['version', 'ttl_ms'],
  ['value', 'meta'],
];

const putText = fc
  .constantFrom(...PUT_SHAPES)
  .chain((names) => fc.tuple(...names.map((name) => member(name, fields[name]))))
  .chain((members) => fc.shuffledSubarray(members, { minLength: members.length }))
  .map((members) => `{${members.join()}}`);

const batchText = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(space, fc.array(opText, { maxLength: 5 }), space)
      .map(([before, all, after]) => `{"ops":${before}[${all.join()}]${after}}`),
  },
  fc.tuple(opText, opText).map(([one, other]) => `{"ops":[${one}],"ops":[${other}]}`),
  opText.map((one) => `{"ops":[${one}],"other":1}`),
  opText.map((one) => `{"ops":[${one},]}`),
  opText.map((one) => `\ufeff{"ops":[${one}]}`),
);

/** Bodies that were damaged on the way: a byte was lost, changed or doubled. */
const bodyOf = (text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      text,
      fc.nat(),
      fc.nat(255),
      fc.constantFrom('none', 'none', 'none', 'none', 'lost', 'changed', 'doubled', 'ended'),
    )
    .map(([body, place, byte, fault]) => {
      const bytes = Buffer.from(body);
      const at = place % bytes.length;
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
      if (fault === 'none') return bytes;
      if (fault === 'ended') return Buffer.from(before);
      if (fault === 'lost') return Buffer.concat([before, after]);
      if (fault === 'changed') return Buffer.concat([before, Buffer.from([byte]), after]);
      return Buffer.concat([before, bytes.subarray(at, at + 1), bytes.subarray(at)]);
    });

ops('a batch that is read is the one that parsing gives', () => {
  let read = 0;
  fc.assert(
    fc.property(bodyOf(batchText), (bytes) => {
      const requests = plain.batch(bytes);
      if (requests === null) return;
      if (requests.length > 0) read++;
      assert.equal(requests, parsedBatch(bytes), bytes.toString());
    }),
    { numRuns: 20_000 },
  );
  assert.ok(read > 1000, `${read} were read`);
});

ops('an op that is read is the one that parsing gives', () => {
  let read = 0;
  fc.assert(
    fc.property(bodyOf(opText), (bytes) => {
      const request = plain.single(bytes);
      if (request === null) return;
      read++;
      assert.equal(request, parsedOp(bytes), bytes.toString());
    }),
    { numRuns: 20_000 },
  );
  assert.ok(read > 2000, `${read} were read`);
});

ops("a PUT's body that is read is the one that parsing gives", () => {
  let read = 0;
  fc.assert(
    fc.property(bodyOf(putText), (bytes) => {
      const request = plain.put('key', bytes);
      if (request === null) return;
      read++;
      assert.equal(request, parsedPut(bytes), bytes.toString());
    }),
    { numRuns: 20_000 },
  );
  assert.ok(read > 2000, `${read} were read`);
});

ops('what programs write is read', () => {
  const put = {
    op: 'put',
    key: 'a',
    value: { b: [1, -2.5e-7, '\n"', null, true, {}] },
    version: 'next',
  };
  const all = [
    put,
    { ...put, version: 3, ttl_ms: 1000, meta: { values: {} } },
    { op: 'get', key: 'a' },
    { op: 'delete', key: 'a', version: 5 },
  ];
  for (const indent of [undefined, 2]) {
    const body = Buffer.from(JSON.stringify({ ops: all }, null, indent));
    assert.equal(plain.batch(body)?.length, 4);
    assert.equal(plain.batch(body), parsedBatch(body));
    for (const one of all) {
      const line = Buffer.from(`${JSON.stringify(one, null, indent)}\r`);
      assert.equal(plain.single(line), parsedOp(line));
      assert.ok(plain.single(line));
    }
  }
  assert.equal(plain.batch(Buffer.from('{"ops":[]}')), []);
  const { op: _op, key: _key, ...body } = { ...put, ttl_ms: 1000, meta: { values: {} } };
  const bytes = Buffer.from(JSON.stringify(body));
  assert.equal(plain.put('key', bytes), parsedPut(bytes));
  assert.ok(plain.put('key', bytes));
});

ops("a PUT's body that names an op or a key is left to the parser", () => {
  for (const more of ['"op":"put"', '"key":"a"'])
    assert.is(plain.put('key', Buffer.from(`{"value":1,"version":1,${more}}`)), null);
});

ops('a line among others is read as one by itself, however the whole is cut into lines', () => {
  fc.assert(
    fc.property(bodyOf(opText), fc.nat(), fc.nat(), (body, one, other) => {
      const bytes = Buffer.concat([body, Buffer.from('\n '), body, Buffer.from('\n')]);
      const [start, end] = [one % bytes.length, other % bytes.length].toSorted((a, b) => a - b);
      for (const [from, to] of [
        [0, body.length],
        [body.length + 2, bytes.length - 1],
        [start, end],
      ])
        assert.equal(
          plain.single(bytes, from, to),
          plain.single(Buffer.from(bytes.subarray(from, to))),
        );
    }),
    { numRuns: 3000 },
  );
});

ops('a line that goes on in the next one is left to the parser', () => {
  const bytes = Buffer.from('{"op":"get",\n"key":"a"} ');
  assert.is(plain.single(bytes, 0, 12), null);
  assert.is(plain.single(bytes, 0, bytes.length - 2), null);
  assert.equal(plain.single(bytes, 0, bytes.length - 1), { kind: 'get', key: 'a' });
  assert.equal(plain.single(bytes), { kind: 'get', key: 'a' });
});

ops('a body beyond ASCII, or of too many ops, is left to the parser', () => {
  const batchOf = (count: number): Buffer =>
    Buffer.from(JSON.stringify({ ops: Array(count).fill({ op: 'get', key: 'a' }) }));
  assert.is(plain.batch(batchOf(4))?.length, 4);
  assert.is(plain.batch(batchOf(5)), null);
  assert.is(plain.batch(Buffer.from('{"ops":[{"op":"get","key":"ä"}]}')), null);
  assert.is(
    plain.batch(Buffer.from('{"ops":[{"op":"put","key":"a","version":1,"value":"ä"}]}')),
    null,
  );
});

ops('a value is read if it is JSON, up to 30 levels', () => {
  const isRead = (value: string): boolean =>
    plain.single(Buffer.from(`{"op":"put","key":"a","version":1,"value":${value}}`)) !== null;
  const nested = (levels: number): string => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
  for (const value of ['[[1],{"a":[]},{}]', '{"a":[1,2],"b":3}', '-0.5E-7', nested(30)])
    assert.ok(isRead(value), value);
  for (const value of ['1e', '1e+', '[[1],{"a":1]]', '[{"a":1},2}', '{"a":[1}]', nested(31)])
    assert.not(isRead(value), value);
});

ops('a value of great depth costs no stack, and is left to the parser', () => {
  const value = `${'['.repeat(1e6)}${']'.repeat(1e6)}`;
  assert.is(plain.single(Buffer.from(`{"op":"put","key":"a","version":1,"value":${value}}`)), null);
});

ops.run();
