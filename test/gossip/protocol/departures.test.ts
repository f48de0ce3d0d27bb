/** Members that have gone to another cluster count no longer when two clusters meet (rule 8). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memberValue } from '../../../src/rules/members.ts';
import { errorIn, helloOf, ofKind, sent, type TestCore, testCore } from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const departures = suite('members that have gone to another cluster');

const PATIENCE_MS = 60_000;
const [GONE, NOW_ELSEWHERE, STRANGER] = ['node2.aaaaaa', 'node2.bbbbbb', 'node3.cccccc'];
const [TWO, THREE] = ['http://two', 'http://three'];
const ELSEWHERE = { clusterId: 'another', size: 2 };

interface Situation {
  /** The URL that the member gave; null if it gave none. */
  readonly url?: string | null;
  readonly urls?: readonly string[];
}

/** A member that is ready, and counts one other member, which it has not heard. */
function pair({ url = TWO, urls = [TWO, THREE] }: Situation = {}): TestCore {
  const node = testCore({ settings: { urls } });
  node.view.members.fold(membership({ seq: 2, key: GONE, value: memberValue('node2', url) }));
  node.clock.nowMs += 15_000;
  node.tick();
  return node;
}

interface Answer {
  readonly origin?: string;
  readonly dialledUrl?: string | null;
  readonly stepMs?: number;
  readonly forMs?: number;
}

/** A node of another cluster answers at the URL again and again. @returns whether this node rejoins. */
function answers(
  node: TestCore,
  { origin = NOW_ELSEWHERE, dialledUrl = TWO, stepMs = 2000, forMs = PATIENCE_MS }: Answer,
): boolean {
  const { clock, greet } = node;
  const endMs = clock.nowMs + forMs;
  for (let connection = 100; ; connection++) {
    const outputs = greet(connection, { origin, ...ELSEWHERE }, dialledUrl);
    if (ofKind(outputs, 'rejoin').length > 0) return true;
    if (clock.nowMs >= endMs) return false;
    clock.nowMs += stepMs;
  }
}

for (const [rule, situation, answer, givesWay] of [
  ['the last node of a cluster gives way once the others have gone', {}, {}, true],
  ['it waits for as long as it does with claims', {}, { forMs: PATIENCE_MS - 2000 }, false],
  ['a break begins the time anew', {}, { stepMs: PATIENCE_MS, forMs: 4 * PATIENCE_MS }, false],
  ['what this node has not dialled proves nothing', {}, { dialledUrl: null }, false],
  ['another URL is not the member’s', {}, { dialledUrl: THREE }, false],
  ['a node of another name is not the member', {}, { origin: STRANGER }, false],
  [
    'a member without a URL has gone by a configured one',
    { url: null },
    { dialledUrl: THREE },
    true,
  ],
  [
    'a member without a URL has not gone by a URL that a peer named',
    { url: null, urls: [TWO] },
    { dialledUrl: THREE },
    false,
  ],
] as const)
  departures(rule, () => {
    const node = pair(situation);
    node.greet(90, { origin: STRANGER, url: THREE });
    node.step({ kind: 'closed', connection: 90, reason: 'x' });
    assert.is(answers(node, answer), givesWay);
  });

departures('a configured name that leads to several addresses is the member’s URL', () => {
  const node = pair();
  node.core.resolved(TWO, ['http://10.0.0.1', 'http://10.0.0.2']);
  assert.ok(answers(node, { dialledUrl: 'http://10.0.0.2' }));
});

departures('a member that was heard meanwhile has not gone', () => {
  const node = pair();
  assert.not(answers(node, { forMs: PATIENCE_MS / 2 }));
  node.greet(1, { origin: GONE });
  node.step({ kind: 'closed', connection: 1, reason: 'x' });
  assert.not(answers(node, { forMs: PATIENCE_MS - 2000 }));
  assert.ok(answers(node, { forMs: 4000 }));
});

departures('answers of a while ago do not count', () => {
  const node = pair();
  assert.not(answers(node, { forMs: PATIENCE_MS - 2000 }));
  node.clock.nowMs += 2 * PATIENCE_MS;
  assert.not(answers(node, { dialledUrl: null, forMs: 0 }));
});

departures('no other member may be left', () => {
  const node = pair();
  node.view.members.fold(membership({ seq: 3, key: 'node4.dddddd' }));
  assert.not(answers(node, { forMs: 3 * PATIENCE_MS }));
});

departures('the other cluster is told that this node is alone', () => {
  const node = pair();
  const sizeNow = (connection: number): number | undefined =>
    sent(node.open(connection), 'hello')[0]?.message.size;
  assert.is(sizeNow(1), 2);
  answers(node, { forMs: PATIENCE_MS - 2000 });
  node.clock.nowMs += 2000;
  assert.is(sizeNow(2), 1);
});

departures('nobody is retired for it', () => {
  const node = pair();
  node.view.members.fold(membership({ seq: 3, key: 'node4.dddddd' }));
  answers(node, { forMs: 3 * PATIENCE_MS });
  assert.equal(ofKind(node.tick(), 'retire'), []);
  node.open(7, TWO);
  const refusal = errorIn(node.receive(7, helloOf(NOW_ELSEWHERE, ELSEWHERE)));
  assert.match(refusal?.reason ?? '', /both have several members/);
});

departures.run();
