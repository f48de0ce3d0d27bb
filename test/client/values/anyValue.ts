/** Random values for the tests of the client. */
import fc from 'fast-check';
import { url } from '../../support/texts.ts';

const name = fc
  .oneof(
    fc.string({ maxLength: 5 }),
    fc.constantFrom('', '.', 'a.b', '\\', '\\.', '0', 'length', 'toString'),
  )
  .filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));

const scalar = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }).filter((json) => typeof json !== 'object'),
  fc.constantFrom(undefined, null, Number.NaN, -0, Number.POSITIVE_INFINITY),
  fc.double(),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  url.map((text) => new URL(text)),
  fc.constantFrom(/a/, /a\/b/gi, /[/]/su),
  fc.uint8Array(),
  fc.int16Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
);

/** Whatever a client can store, nested. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 })
        .map((pairs) => new Map(pairs)),
    },
    {
      weight: 1,
      arbitrary: fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
    },
  ),
})).value;
