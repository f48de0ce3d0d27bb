/** The delay between regions: each byte arrives once, in order, and neither early nor late. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DelayLine } from '../../rules/delayLine.ts';

const line = suite('delay line');

line('all arrives in order, after the delay, and the end last', () => {
  const steps = fc.array(
    fc.record({ passMs: fc.nat({ max: 30 }), bytes: fc.uint8Array({ maxLength: 4 }) }),
    { maxLength: 50 },
  );
  fc.assert(
    fc.property(steps, fc.nat({ max: 100 }), (sends, delayMs) => {
      const delayed = new DelayLine({ delayMs, maxHeldBytes: 8 });
      let nowMs = 0;
      const sentAtMs: number[] = [];
      const arrived: number[] = [];
      const arriveBy = (untilMs: number): void => {
        for (let sent = delayed.take(untilMs); sent !== null; sent = delayed.take(untilMs)) {
          const number = arrived.length;
          assert.ok((sentAtMs[number] ?? 0) + delayMs <= untilMs, 'not early');
          assert.is(sent, sends[number]?.bytes, 'in order');
          arrived.push(number);
        }
        const nextAtMs = delayed.nextAtMs;
        assert.ok(nextAtMs === null || nextAtMs > untilMs, 'not late');
      };
      for (const { passMs, bytes } of sends) {
        nowMs += passMs;
        arriveBy(nowMs);
        delayed.send(bytes, nowMs);
        sentAtMs.push(nowMs);
        const underWay = sends.slice(arrived.length, sentAtMs.length);
        const heldBytes = underWay.reduce((sum, { bytes: held }) => sum + held.byteLength, 0);
        assert.is(delayed.heldBytes, heldBytes);
        assert.is(delayed.isFull, heldBytes >= 8);
      }
      arriveBy(nowMs + delayMs);
      assert.is(arrived.length, sends.length);
      delayed.send('end', nowMs + delayMs);
      assert.is(delayed.take(nowMs + 2 * delayMs), 'end');
      assert.is(delayed.nextAtMs, null);
      assert.is(delayed.heldBytes, 0);
    }),
  );
});

line('a clock that runs backwards changes no order', () => {
  const delayed = new DelayLine({ delayMs: 40, maxHeldBytes: 100 });
  delayed.send(Uint8Array.of(1), 1000);
  delayed.send(Uint8Array.of(2), 900);
  assert.is(delayed.take(1039), null);
  assert.equal(delayed.take(1040), Uint8Array.of(1));
  assert.equal(delayed.take(1040), Uint8Array.of(2));
});

line.run();
