/** Starts and first meetings (rule 8): who is waited for, and who is not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import type { Hello } from '../../../src/gossip/protocol/messages.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  errorIn,
  NOW,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, SECOND, THIRD] = [originOf(1), originOf(2), originOf(3)];

const forming = suite('forming a cluster');

/** A fresh node whose only other peer is fresh too; a third one is refused, for a clock two minutes ahead or for these fields. */
function freshWith(
  joined: boolean,
  fields?: Partial<Hello>,
): { node: TestCore; minute: () => boolean } {
  const settings = { urls: ['http://two'], url: 'http://one' };
  const node = testCore({ joined: false, settings });
  node.greet(2, { origin: SECOND, joined: false, clusterId: null }, 'http://two');
  let connection = 10;
  return {
    node,
    minute: () => {
      let hasFormed = false;
      for (let seconds = 0; seconds < 60; seconds += 2) {
        node.clock.nowMs += 2000;
        const refused = fields ?? { clock: node.clock.nowMs + 120_000 };
        const outputs = node.greet(++connection, {
          origin: THIRD,
          joined,
          clusterId: null,
          ...refused,
        });
        assert.ok(errorIn(outputs));
        hasFormed ||= ofKind(node.tick(), 'form').length > 0;
      }
      return hasFormed;
    },
  };
}

forming('a fresh peer whose clock is wrong keeps nobody else from forming', () => {
  assert.ok(freshWith(false).minute());
});

forming('a member whose clock this node refuses does: it would be met again and again', () => {
  assert.not.ok(freshWith(true).minute());
});

forming('so does a member of another protocol, and not one of a cluster of another name', () => {
  assert.not.ok(freshWith(true, { protocol: [90, 91] }).minute());
  assert.ok(freshWith(false, { protocol: [90, 91] }).minute());
  assert.ok(freshWith(true, { cluster: 'another' }).minute());
});

forming.run();

const starts = suite('a member that starts');

starts('it lets nobody in by a log that may be old', () => {
  const node = testCore({ others: [SECOND, THIRD] });
  node.greet(3, { origin: THIRD, joined: false });
  const empty = digestOf(node.view, { vector: new Map(), sums: new Map() });
  const outputs = node.receive(3, { type: 'digest', digest: empty, re: 4 });
  assert.equal(
    sent(outputs, 'later').map(({ message }) => message.re),
    [4],
  );
  assert.equal(ofKind(outputs, 'answer'), []);
});

starts('it does not wait for a member that has not joined: that one waits for it', () => {
  const node = testCore({ others: [SECOND] });
  node.greet(2, { origin: SECOND, joined: false });
  assert.is(ofKind(node.pass(10_000), 'ready').length, 1);
});

starts('it has caught up with a member whose digest holds nothing new, without an answer', () => {
  const node = testCore({ others: [SECOND] });
  node.greet(2, { origin: SECOND });
  assert.equal(ofKind(node.tick(), 'ready'), []);
  node.receive(2, { type: 'digest', digest: digestWith(node.view, { [OWN]: 1 }) });
  assert.is(ofKind(node.tick(), 'ready').length, 1);
});

starts('a digest that holds more, or is not exact, proves nothing', () => {
  const node = testCore({ others: [SECOND] });
  node.greet(2, { origin: SECOND });
  node.receive(2, { type: 'digest', digest: digestWith(node.view, { [SECOND]: 1 }) });
  assert.equal(ofKind(node.tick(), 'ready'), []);
  const retiredSum = { high: 1, low: 1 };
  const inexact = { ...digestWith(node.view, { [OWN]: 1 }), retiredSum };
  node.receive(2, { type: 'digest', digest: inexact });
  assert.equal(ofKind(node.tick(), 'ready'), []);
});

starts('an answer that leaves out what this node can not name proves nothing', () => {
  const node = testCore({ others: [SECOND] });
  node.greet(2, { origin: SECOND });
  const answer = (fields: Partial<Digest>) => {
    const digest = { ...digestWith(node.view, { [OWN]: 1 }), ...fields };
    node.receive(2, emptyAnswer(digest, false, node.pullNumber(2)));
    const outcome = { kind: 'applied', ops: 0 } as const;
    node.step({ kind: 'taken', connection: 2, outcome, pull: node.pullNumber(2), more: false });
    node.clock.nowMs += 2000;
    return ofKind(node.tick(), 'ready').length > 0;
  };
  const closed = { count: 1, sum: { high: 1, low: 1 } };
  assert.not.ok(answer({ retiredSum: { high: 1, low: 1 }, listsRetired: true, closed }));
  assert.ok(answer({}));
});

starts('it asks all members again at once, and not one a round', () => {
  const others = [2, 3, 4, 5, 6].map(originOf);
  const node = testCore({ others });
  for (const number of [2, 3, 4, 5, 6]) node.greet(number, { origin: originOf(number) });
  node.clock.nowMs += 5001;
  assert.equal([...pulledFrom(node.tick())].sort(), [2, 3, 4, 5, 6]);
});

starts('members that it has caught up with are asked one a round', () => {
  const others = [2, 3, 4, 5, 6].map(originOf);
  const node = testCore({ others });
  for (const [connection, origin] of others.entries()) {
    node.greet(connection, { origin });
    if (connection === 0) continue;
    node.receive(connection, emptyAnswer(digestOf(node.view), false, node.pullNumber(connection)));
    const outcome = { kind: 'applied', ops: 0 } as const;
    node.step({
      kind: 'taken',
      connection,
      outcome,
      pull: node.pullNumber(connection),
      more: false,
    });
  }
  node.clock.nowMs += 4000;
  assert.is(pulledFrom(node.tick()).length, 1);
  assert.is(node.core.phase, 'starting');
});

starts(
  'a member that is ready asks one peer a round, also where it has not caught up with it',
  () => {
    const node = testCore({ settings: { joinTimeoutMs: 0 } });
    node.tick();
    assert.is(node.core.phase, 'ready');
    for (const number of [2, 3, 4, 5, 6]) {
      node.view.members.fold(membership({ key: originOf(number), seq: number }));
      node.greet(number, { origin: originOf(number) });
    }
    node.clock.nowMs += 5001;
    assert.is(pulledFrom(node.tick()).length, 1);
  },
);

starts('it begins no repair, and writes nothing for one, before it is ready', () => {
  const node = testCore({ others: [SECOND, THIRD] });
  node.greet(2, { origin: SECOND });
  node.greet(3, { origin: THIRD });
  const other = digestOf(node.view, { mapSum: { high: 1, low: 1 }, clock: NOW });
  const disagree = (): unknown[] =>
    [1, 2, 3].flatMap(() => ofKind(node.receive(2, { type: 'digest', digest: other }), 'repair'));
  assert.equal(disagree(), []);
  const compared = {
    type: 'compared',
    asOf: 1,
    buckets: 1,
    bucket: 0,
    sums: [],
    entries: [],
  } as const;
  assert.equal(node.receive(2, compared), []);
  const compare = { type: 'compare', asOf: 1, buckets: 1, bucket: 0 } as const;
  assert.is(ofKind(node.receive(2, compare), 'repairStep').length, 1);
  node.receive(3, { type: 'digest', digest: digestOf(node.view) });
  assert.is(ofKind(node.tick(), 'ready').length, 1);
  assert.ok(disagree().length > 0);
  assert.is(ofKind(node.receive(2, compared), 'repairStep').length, 1);
});

starts.run();
