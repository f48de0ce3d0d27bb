import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countMessage, readClientMessage } from '../../rules/clientMessages.ts';
import { decideDelivery, decidePace, FRESH_DELIVERY, usualPace } from '../../rules/delivery.ts';

const delivery = suite('delivery');

delivery(
  'a slow reader loses frames, gets a whole one after it, and loses its place after 10 s',
  () => {
    const full = 256 * 1024 + 1;
    assert.is(decideDelivery(FRESH_DELIVERY, full - 1, 0).send, 'changes');
    const skipping = decideDelivery(FRESH_DELIVERY, full, 1000);
    assert.is(skipping.send, 'nothing');
    const still = decideDelivery(skipping.delivery, full, 10_999);
    assert.is(still.send, 'nothing');
    assert.is(decideDelivery(still.delivery, full, 11_000).send, 'close');
    const read = decideDelivery(still.delivery, 5, 11_000);
    assert.is(read.send, 'whole');
    assert.is(decideDelivery(read.delivery, 5, 11_100).send, 'changes');
  },
);

delivery(
  'heavy ticks thin the frames down to four a second, and light ones bring them back',
  () => {
    let pace = usualPace(0);
    for (let nowMs = 0; nowMs <= 20_000; nowMs += 50) pace = decidePace(pace, 30, 50, nowMs);
    assert.is(pace.ticksOfFrame, 5);
    pace = decidePace(pace, 1, 50, 20_050);
    assert.is(decidePace(pace, 1, 50, 22_000).ticksOfFrame, 5);
    for (let nowMs = 20_100; nowMs <= 40_000; nowMs += 50) pace = decidePace(pace, 1, 50, nowMs);
    assert.is(pace.ticksOfFrame, 2);
  },
);

delivery('one heavy tick thins nothing', () => {
  let pace = usualPace(0);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 50)
    pace = decidePace(pace, nowMs % 1000 === 0 ? 40 : 1, 50, nowMs);
  assert.is(pace.ticksOfFrame, 2);
});

delivery('inputs beyond 40 a second are ignored, messages beyond 200 close', () => {
  let count = { sinceMs: 0, count: 0 };
  const verdicts = Array.from({ length: 201 }, () => {
    const counted = countMessage(count, 999);
    count = counted.count;
    return counted.verdict;
  });
  assert.is(verdicts.filter((verdict) => verdict === 'take').length, 40);
  assert.is(verdicts.indexOf('close'), 200);
  assert.is(countMessage(count, 1999).verdict, 'take');
});

delivery('only the three messages of clients are read', () => {
  assert.equal(readClientMessage([0, 3, -1, 1]), { type: 'input', seq: 3, dx: -1, dy: 1 });
  assert.equal(readClientMessage([1, 12.5]), { type: 'ping', time: 12.5 });
  assert.equal(readClientMessage([2]), { type: 'leave' });
  for (const wrong of [
    ...[null, {}, 'text', 0, [], [0], [0, 1, 1], [0, 1, 1, 1, 1], [0, -1, 0, 0], [0, 1.5, 0, 0]],
    ...[[0, 1, 2, 0], [0, 1, 0, '1'], [1, Number.NaN], [1, 'x'], [2, 2], [3], [[0], 1, 0, 0]],
  ])
    assert.is(readClientMessage(wrong), null);
});

delivery.run();
