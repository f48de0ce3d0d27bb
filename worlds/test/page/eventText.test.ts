import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EventText, MAX_LINE_CHARACTERS } from '../../page/browser/eventText.ts';

const events = suite('text of events');

const TEXT =
  'retry: 1000\n\nevent: world\nid: a.1\ndata: {"region":"eu"}\n\n:\n\nevent: gone\r\ndata: 1\r\ndata:2\r\n\r\nevent: none\n\ndata\n\nid: b.2\nevent: synced\ndata: {}\n\nevent: cut';
const EXPECTED = [
  { type: 'world', data: '{"region":"eu"}', lastId: 'a.1' },
  { type: 'gone', data: '1\n2', lastId: 'a.1' },
  { type: 'message', data: '', lastId: 'a.1' },
  { type: 'synced', data: '{}', lastId: 'b.2' },
];

events('events are read as the standard says', () => {
  assert.equal(new EventText().push(TEXT), EXPECTED);
});

events('it is the same wherever the text is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(TEXT.length), { maxLength: 12 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), TEXT.length];
      const reader = new EventText();
      const read = places.flatMap((from, at) =>
        reader.push(TEXT.slice(from, places[at + 1] ?? from)),
      );
      assert.equal(read, EXPECTED);
    }),
  );
});

events('a line without an end is not kept for ever', () => {
  const reader = new EventText();
  reader.push('x'.repeat(MAX_LINE_CHARACTERS));
  assert.throws(() => reader.push('x'), /too long/);
});

events.run();
