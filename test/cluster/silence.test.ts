/** A node may call a member silent only if it has heard a majority for as long as it has not heard the member. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { helloOf, ofKind, originOf, type TestCore, testCore } from '../support/cores.ts';

const silence = suite('silence of members (rule 8)');

const MEMBER_TIMEOUT_MS = 60_000;
const SECOND = originOf(2);
const THIRD = originOf(3);

silence('a member that is silent while a majority is heard is retired', () => {
  const node = readyNode();
  assert.equal(retiredWithin(node, MEMBER_TIMEOUT_MS - 2000), []);
  assert.equal(retiredWithin(node, 4000), [THIRD]);
});

silence('a node that was asleep itself, and hears one peer before another, retires nobody', () => {
  const node = readyNode();
  retiredWithin(node, 5000);
  node.clock.nowMs += 10 * MEMBER_TIMEOUT_MS;
  assert.equal(retiredWithin(node, MEMBER_TIMEOUT_MS - 2000), []);
  node.greet(3, helloOf(THIRD, { clock: node.clock.nowMs }));
  assert.equal(retiredWithin(node, 5000), []);
});

silence('silence does not count while no majority was heard', () => {
  const node = readyNode();
  retiredWithin(node, 5000);
  for (let seconds = 0; seconds < 2 * (MEMBER_TIMEOUT_MS / 1000); seconds++) {
    node.clock.nowMs += 1000;
    assert.equal(ofKind(node.tick(), 'retire'), []);
  }
  assert.equal(retiredWithin(node, MEMBER_TIMEOUT_MS - 2000), []);
  assert.equal(retiredWithin(node, 4000), [THIRD]);
});

silence('a pause of the process adds nothing to the silence of a member', () => {
  const memberTimeoutMs = 2000;
  for (const pauseMs of [1000, 1499, 1999, 3000, 60_000]) {
    const node = readyNode({ memberTimeoutMs, hearingMs: 1000 });
    const { clock } = node;
    node.greet(3, helloOf(THIRD, { clock: clock.nowMs }));
    for (let seconds = 0; seconds < 10; seconds++) {
      retiredWithin(node, 1000);
      node.receive(3, { type: 'later' });
    }
    // After the pause the node reads the messages of the second before its timers run.
    clock.nowMs += pauseMs;
    assert.equal(retiredWithin(node, 1), [], `a pause of ${pauseMs} ms`);
    node.receive(3, { type: 'later' });
    assert.equal(retiredWithin(node, 1000), [], `after a pause of ${pauseMs} ms`);
    assert.equal(retiredWithin(node, 2 * memberTimeoutMs), [THIRD], 'who is silent is retired');
  }
});

silence.run();

/** The first of three members, with a connection to the second; the third it has never heard. */
function readyNode({ memberTimeoutMs = MEMBER_TIMEOUT_MS, hearingMs = 15_000 } = {}): TestCore {
  const node = testCore({
    others: [SECOND, THIRD],
    settings: { memberTimeoutMs, hearingMs, joinTimeoutMs: 0 },
  });
  node.tick();
  assert.is(node.core.phase, 'ready');
  node.greet(2, helloOf(SECOND, { clock: node.clock.nowMs }));
  return node;
}

/** Goes on for so long; the second is heard at least every second. @returns whom the node retires. */
function retiredWithin(node: TestCore, timeMs: number): string[] {
  const retired = new Set<string>();
  for (const endAt = node.clock.nowMs + timeMs; node.clock.nowMs < endAt; ) {
    node.clock.nowMs += Math.min(1000, endAt - node.clock.nowMs);
    node.receive(2, { type: 'later' });
    for (const { origin } of ofKind(node.tick(), 'retire')) retired.add(origin);
  }
  return [...retired];
}
