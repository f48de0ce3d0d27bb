import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untilLastExpiryMs } from '../../chaos/lastExpiry.ts';

const NOW_MS = 1_000_000;
const clock = (offsetMs: number, agoMs: number) => ({
  node: 0,
  offsetMs,
  fromMs: NOW_MS - agoMs - 3000,
  toMs: NOW_MS - agoMs,
});

const last = suite('the last expiry of a run of chaos');

last('where all clocks were right, it is that of the longest TTL', () => {
  assert.is(untilLastExpiryMs([], NOW_MS), 5000);
});

last('what was written by a clock that was ahead lives for longer, by as much', () => {
  assert.is(untilLastExpiryMs([clock(15_546, 0)], NOW_MS), 20_546);
  assert.is(untilLastExpiryMs([clock(15_546, 6000), clock(2000, 0)], NOW_MS), 14_546);
});

last('a clock that was behind, or right again for long enough, changes nothing', () => {
  assert.is(untilLastExpiryMs([clock(-20_000, 0), clock(15_000, 15_001)], NOW_MS), 5000);
});

last.run();
