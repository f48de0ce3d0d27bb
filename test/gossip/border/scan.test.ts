/** A text is measured before it is parsed, and never taken for less than it is. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faultOfShape, typeIn } from '../../../src/gossip/border/scan.ts';
import { encodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { jsonText, message } from '../../support/generators.ts';

const scan = suite('measuring a text before it is parsed');

const NO_BOUNDS = { maxElements: Number.POSITIVE_INFINITY, maxDepth: Number.POSITIVE_INFINITY };

interface Size {
  readonly elements: number;
  readonly depth: number;
}

/** Elements and members at all levels, an empty list or object as one; and the levels. */
function sizeOf(value: unknown): Size {
  if (typeof value !== 'object' || value === null) return { elements: 0, depth: 0 };
  const sizes = Object.values(value).map(sizeOf);
  const inner = sizes.reduce((sum, { elements }) => sum + elements, 0);
  return {
    elements: Math.max(1, sizes.length) + inner,
    depth: 1 + Math.max(0, ...sizes.map(({ depth }) => depth)),
  };
}

scan('every message begins with its type', () => {
  fc.assert(fc.property(message, (one) => typeIn(encodeMessage(one)) === one.type));
});

scan('a text that begins otherwise has none', () => {
  for (const text of ['', '[]', '{', '{"type":1}', '{"a":1,"type":"later"}', ' "type":"later"}'])
    assert.is(typeIn(text), null, text);
  assert.is(typeIn(' {\n "type" :\t"later"}'), 'later');
  assert.is(typeIn(`${' '.repeat(1000)}{"type":"later"}`), null);
});

const faultWith = (text: string, bounds: Partial<typeof NO_BOUNDS>): string =>
  faultOfShape(text, { ...NO_BOUNDS, ...bounds }) ?? 'none';

scan(
  'the measure is no less than JSON.parse makes of a text, and exact without double names',
  () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const { elements, depth } = sizeOf(JSON.parse(text));
        if (elements > 0) assert.match(faultWith(text, { maxElements: elements - 1 }), /elements/);
        if (depth > 0) assert.match(faultWith(text, { maxDepth: depth - 1 }), /levels/);
        const again = JSON.stringify(JSON.parse(text));
        assert.is(faultOfShape(again, { maxElements: elements, maxDepth: depth }), null);
      }),
    );
  },
);

scan('no sign in a string counts, whatever stands before its end', () => {
  for (const text of ['"[,{"', '"\\"[,"', '"\\\\"', '"\\\\\\",["', '"[[,,', '"\\'])
    assert.is(faultOfShape(text, { maxElements: 0, maxDepth: 0 }), null, text);
  assert.match(faultWith('"\\\\",["', { maxDepth: 0 }), /levels/);
});

scan.run();
