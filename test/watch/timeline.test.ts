/** The latest events of a node, and the bounds of their memory. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SharedEvent } from '../../src/watch/sharedEvent.ts';
import { Timeline } from '../../src/watch/timeline.ts';
import { NO_EXPIRIES } from '../../src/words/expiryMark.ts';

const timelines = suite('the bounds of a timeline');

const append = (timeline: Timeline, count: number): void => {
  for (let index = 1; index <= count; index++) {
    const event = new SharedEvent('put', { key: 'a', version: index, expiresAt: null }, '');
    const id = { origin: 'node1.aaaaaa', seq: index };
    timeline.append({ event, lsn: index, toldBefore: NO_EXPIRIES, ...id });
  }
};

/** The bytes that `append` adds for each event. */
const bytesEach = (): number => {
  const timeline = new Timeline({ maxRecentEvents: 9, maxRecentEventBytes: 9_000_000 });
  append(timeline, 1);
  return timeline.bytes;
};

for (const [what, limits] of [
  ['events', { maxRecentEvents: 8, maxRecentEventBytes: 9_000_000 }],
  ['bytes', { maxRecentEvents: 9_000_000, maxRecentEventBytes: 8 * bytesEach() }],
] as const)
  timelines(`as many ${what} as it may have stay, and of more a quarter goes at once`, () => {
    const timeline = new Timeline(limits);
    append(timeline, 8);
    assert.is(timeline.isFull, false);
    timeline.trim();
    assert.equal([timeline.size, timeline.first, timeline.end], [8, 0, 8]);
    append(timeline, 1);
    assert.is(timeline.isFull, true);
    timeline.trim();
    assert.equal([timeline.size, timeline.first, timeline.end], [6, 3, 9]);
    assert.is(timeline.bytes, 6 * bytesEach());
  });

timelines.run();
