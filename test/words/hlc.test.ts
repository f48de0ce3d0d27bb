import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hlcToMs, nextHlc } from '../../src/words/hlc.ts';

const clock = suite('hybrid logical clock');

clock('a stamp is the wall clock where that is ahead', () => {
  assert.is(nextHlc(0, 1_795_000_000_000), 1_795_000_000_000_000);
  assert.is(nextHlc(1_795_000_000_000_000, 1_795_000_000_001), 1_795_000_000_001_000);
});

clock('a stamp is one above the last one seen where the wall clock is not ahead', () => {
  assert.is(nextHlc(5_000, 5), 5_001);
  assert.is(nextHlc(5_001, 5), 5_002);
  assert.is(nextHlc(9_000_000, 5), 9_000_001);
});

clock('a stamp tells the milliseconds that it was made at', () => {
  assert.is(hlcToMs(nextHlc(0, 1_795_000_000_123)), 1_795_000_000_123);
  assert.is(hlcToMs(1_795_000_000_123_999), 1_795_000_000_123);
});

clock('no clock makes stamps run backwards or repeat, whatever stamps come in between', () => {
  const event = fc.oneof(
    fc.record({ nowMs: fc.integer({ min: -1000, max: 2 ** 41 }) }),
    fc.record({ seen: fc.integer({ min: 0, max: 2 ** 51 }) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50 }), (events) => {
      let last = 0;
      for (const one of events) {
        if ('seen' in one) {
          last = Math.max(last, one.seen);
          continue;
        }
        const stamp = nextHlc(last, one.nowMs);
        assert.ok(Number.isSafeInteger(stamp));
        assert.ok(stamp > last);
        assert.ok(hlcToMs(stamp) >= one.nowMs);
        last = stamp;
      }
    }),
  );
});

clock(
  'a clock that stands still for a whole second of ops is left behind by one tick an op',
  () => {
    let last = nextHlc(0, 1_000);
    for (let op = 0; op < 5_000; op++) last = nextHlc(last, 1_000);
    assert.is(last, 1_005_000);
    assert.is(nextHlc(last, 1_006), 1_006_000);
  },
);

clock.run();
