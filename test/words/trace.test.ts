/** Traces that peers and clients name are held to their form and their number. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundedTraces, isTraceParent, MAX_TRACES } from '../../src/words/trace.ts';

const traces = suite('traces');

const [TRACE, SPAN] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

const numbered = (number: number): string =>
  `00-${TRACE}-${number.toString(16).padStart(16, '0')}-01`;

traces('only version 00 in its whole form is taken, since a node sends it on as it is', () => {
  assert.is(isTraceParent(`00-${TRACE}-${SPAN}-01`), true);
  for (const wrong of [
    '',
    7,
    null,
    `01-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01\n`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
  ])
    assert.is(isTraceParent(wrong), false, String(wrong));
});

traces('of any list the first traces are kept, each once, and at most the bound', () => {
  const element = fc.oneof(
    fc.integer({ min: 1, max: 2 * MAX_TRACES }).map(numbered),
    fc.anything(),
  );
  fc.assert(
    fc.property(fc.array(element, { maxLength: 4 * MAX_TRACES }), (all) => {
      const formed = [...new Set(all.filter(isTraceParent))];
      assert.equal(boundedTraces(all), formed.slice(0, MAX_TRACES));
    }),
  );
});

traces('a delta names no more traces than the bound', () => {
  const all = Array.from({ length: 2 * MAX_TRACES }, (_, index) => numbered(index + 1));
  assert.equal(boundedTraces(all), all.slice(0, MAX_TRACES));
});

traces.run();
