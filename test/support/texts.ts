/**
 * Random texts. fast-check has both, but makes a table of all of Unicode for them as soon as they are named,
 * which takes two seconds of every test file that imports them.
 */
import fc from 'fast-check';

/** Any code point that UTF-8 can hold: no half of a pair. */
export const codePoint: fc.Arbitrary<string> = fc
  .oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0xffff }),
    fc.integer({ min: 0x10000, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code));

export const url: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('http', 'https'),
    fc.domain(),
    fc.constantFrom('', ':8001', '/a/b', '/%C3%B1?a=b'),
  )
  .map(([scheme, host, rest]) => `${scheme}://${host}${rest}`);
