/** A body that is taken without its schema is one that the schema takes as it is. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isPlainBatch, isPlainOp, isPlainPut } from '../../../src/http/request/plainWrites.ts';
import { createSchemas, putBodySchema } from '../../../src/http/request/schemas.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../../../src/words/op.ts';

const plain = suite('plain writes');
const MAX_KEY_BYTES = 8;
const { batchOp, batchBody } = createSchemas({ ...defaultLimits, maxKeyBytes: MAX_KEY_BYTES });

/** Any JSON, and what is nearly right. */
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, -1, 0, -0, 1.5, '1', true, [], {}, MAX_PUT_VERSION + 1),
);
const nearly = (...good: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...good) }, odd);
const maybe = (weight: number, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.option(value, { nil: undefined, freq: weight });
const version = nearly('next', 0, 1, MAX_PUT_VERSION, 1e2);
const fields = {
  value: odd,
  ttl_ms: maybe(1, nearly(null, 1, MAX_TTL_MS)),
  meta: maybe(1, nearly(null, {}, { values: {} })),
};
/** With other fields now and then. A field that is `undefined` is left out on the way. */
const withOthers = (body: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc
    .tuple(body, fc.constantFrom('other', 'ttl', 'op', 'key'), fc.option(odd, { freq: 6 }))
    .map(([one, name, value]) => (value === null ? one : { [name]: value, ...one }));
const put = withOthers(fc.record({ ...fields, version }));
const key = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 9, unit: 'grapheme' }) },
  nearly('a'.repeat(MAX_KEY_BYTES), 'ä'.repeat(5), '', '\ud800', '€€€'),
);
const op = withOthers(
  fc.oneof(
    fc.record({ op: fc.constant('put'), key, version, ...fields }),
    fc.record({ op: fc.constant('get'), key }),
    fc.record({ op: fc.constant('delete'), key, version: maybe(1, version) }),
    fc.record({ op: nearly('putt'), key, ...fields }),
  ),
);

/** As it comes from a client. */
const sent = (body: unknown): unknown => JSON.parse(JSON.stringify(body));

plain('a plain op is one that the schema takes as it is', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(op, odd).map(sent), (body) => {
      if (!isPlainOp(body, MAX_KEY_BYTES)) return;
      taken++;
      assert.equal(batchOp.parse(body), body);
    }),
    { numRuns: 3000 },
  );
  assert.ok(taken > 100, `${taken} were plain`);
});

plain('an op with known fields alone that the schema takes is plain', () => {
  fc.assert(
    fc.property(op.map(sent), (body) => {
      const { success, data } = batchOp.safeParse(body);
      if (!success || JSON.stringify(Object.keys(data).sort()) !== namesOf(body)) return;
      assert.ok(isPlainOp(body, MAX_KEY_BYTES), JSON.stringify(body));
    }),
    { numRuns: 1000 },
  );
});

const namesOf = (body: unknown): string => JSON.stringify(Object.keys(Object(body)).sort());

plain('a plain PUT is one that the schema takes as it is', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(put, odd).map(sent), (body) => {
      if (!isPlainPut(body)) return;
      taken++;
      assert.equal(putBodySchema.parse(body), body);
    }),
    { numRuns: 3000 },
  );
  assert.ok(taken > 50, `${taken} were plain`);
});

plain('a batch is plain if all its ops are, and it has no other field', () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 3 }).map(sent), (ops) => {
      const body = { ops };
      const isPlain = isPlainBatch(body, MAX_KEY_BYTES);
      assert.is(
        isPlain,
        (ops as unknown[]).every((one) => isPlainOp(one, MAX_KEY_BYTES)),
      );
      if (isPlain) assert.equal(batchBody.parse(body), body);
    }),
  );
  assert.not(isPlainBatch({ ops: [], other: 1 }, MAX_KEY_BYTES));
  assert.not(isPlainBatch({}, MAX_KEY_BYTES));
  assert.not(isPlainBatch([], MAX_KEY_BYTES));
});

plain('a field that JSON names __proto__ is another field', () => {
  const body: unknown = JSON.parse('{"value":1,"version":1,"__proto__":{"ttl_ms":5}}');
  assert.not(isPlainPut(body));
});

plain.run();
