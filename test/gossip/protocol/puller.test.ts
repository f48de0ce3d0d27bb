import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { Message } from '../../../src/gossip/protocol/messages.ts';
import type { DeltaOutcome } from '../../../src/rules/delta.ts';
import { ZERO } from '../../../src/words/hash.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  errorIn,
  ofKind,
  originOf,
  pulledFrom,
  type TestCore,
  type TestCoreOptions,
  testCore,
} from '../../support/cores.ts';
import { put } from '../../support/ops.ts';

const OWN = originOf(1);
const PEER = originOf(2);
const APPLIED: DeltaOutcome = { kind: 'applied', ops: 0 };

interface Pulled extends TestCore {
  /** Lets the peer answer the pull in flight with an empty delta, and the delta be applied. */
  readonly answer: (connection: number, more?: boolean) => readonly Output[];
  readonly taken: (
    connection: number,
    outcome?: DeltaOutcome | { kind: 'refused' },
    more?: boolean,
    wasAnswer?: boolean,
  ) => readonly Output[];
}

/** A core with greeted members 2, 3, … over connections of those numbers. */
function withPeers(count: number, options: TestCoreOptions = {}): Pulled {
  const numbers = Array.from({ length: count }, (_, index) => index + 2);
  const node = testCore({ others: numbers.map(originOf), ...options });
  for (const number of numbers) node.greet(number, { origin: originOf(number) });
  const taken: Pulled['taken'] = (connection, outcome = APPLIED, more = false, wasAnswer = true) =>
    node.step({
      kind: 'taken',
      connection,
      outcome,
      pull: wasAnswer ? node.pullNumber(connection) : null,
      more,
    });
  return {
    ...node,
    taken,
    answer: (connection, more = false) => [
      ...node.receive(
        connection,
        emptyAnswer(digestOf(node.view), more, node.pullNumber(connection)),
      ),
      ...taken(connection, APPLIED, more),
    ],
  };
}

/** Ticks every millisecond for the duration, and answers each pull at once. @returns the time and the peer of each pull. */
function pullsFor(node: Pulled, durationMs: number, stepMs = 1): { at: number; from: number }[] {
  const pulls: { at: number; from: number }[] = [];
  for (let ms = 0; ms < durationMs; ms += stepMs) {
    node.clock.nowMs += stepMs;
    for (const from of pulledFrom(node.tick())) {
      pulls.push({ at: node.clock.nowMs, from });
      node.answer(from);
    }
  }
  return pulls;
}

const gapsOf = (pulls: readonly { at: number }[]): number[] =>
  pulls.slice(1).map(({ at }, index) => at - (pulls[index]?.at ?? 0));

const flight = suite('one pull in flight a peer');

flight('no second pull goes to a peer before the first is answered', () => {
  const node = withPeers(1);
  assert.equal(pullsFor(node, 4000), []);
  node.answer(2);
  assert.ok(pullsFor(node, 4000).length >= 2);
});

flight('an unanswered pull counts as lost after the timeout', () => {
  const node = withPeers(1);
  node.clock.nowMs += 5000;
  assert.equal(pulledFrom(node.tick()), []);
  node.clock.nowMs += 1;
  const pulls = pullsFor(node, 1300);
  assert.is(pulls.length, 1);
});

flight('an answer that says there is more is followed by the next pull at once', () => {
  const node = withPeers(1);
  assert.equal(pulledFrom(node.answer(2, true)), [2]);
  assert.equal(pulledFrom(node.answer(2, false)), []);
});

flight(
  'a forked origin does not slow down the others: where those brought ops, so does more',
  () => {
    const node = withPeers(1);
    const forkOf = (ops: number): DeltaOutcome => ({ kind: 'fork', origins: [originOf(9)], ops });
    node.receive(2, emptyAnswer(digestOf(node.view), true, node.pullNumber(2)));
    assert.equal(pulledFrom(node.taken(2, forkOf(3), true)), [2]);
    node.receive(2, emptyAnswer(digestOf(node.view), true, node.pullNumber(2)));
    assert.equal(pulledFrom(node.taken(2, forkOf(0), true)), []);
  },
);

flight('a gap starts a pull at once', () => {
  const node = withPeers(1);
  node.answer(2);
  assert.equal(pulledFrom(node.taken(2, { kind: 'gap' }, false, false)), [2]);
});

flight('a gap while a pull is in flight starts one as soon as that is answered', () => {
  const node = withPeers(1);
  assert.equal(pulledFrom(node.taken(2, { kind: 'gap' }, false, false)), []);
  assert.equal(pulledFrom(node.taken(2, { kind: 'gap' }, false, false)), []);
  assert.equal(pulledFrom(node.answer(2)), [2]);
  assert.equal(pulledFrom(node.answer(2)), []);
});

flight('a gap while a pull is in flight starts one when that is lost', () => {
  const node = withPeers(1);
  node.taken(2, { kind: 'gap' }, false, false);
  node.clock.nowMs += 4500;
  assert.equal(pulledFrom(node.tick()), [], 'the next round is a while off');
  node.clock.nowMs += 501;
  assert.equal(pulledFrom(node.tick()), [2]);
});

flight('an answer that could not be stored is not asked for again before its turn', () => {
  const node = withPeers(1);
  node.receive(2, emptyAnswer(digestWith(node.view, { [PEER]: 9 }), true, node.pullNumber(2)));
  assert.equal(pulledFrom(node.taken(2, { kind: 'refused' }, true)), []);
  assert.ok(pullsFor(node, 1300).length > 0);
});

flight('a peer whose delta does not hold what its ranges say is refused', () => {
  const node = withPeers(1);
  const outputs = node.taken(2, { kind: 'incomplete' });
  assert.is(errorIn(outputs)?.code, 'malformed');
  assert.equal(node.core.pushTargets(), []);
});

flight('a peer that can not answer yet is asked again shortly after', () => {
  const node = withPeers(1);
  node.receive(2, { type: 'later', re: node.pullNumber(2) });
  const [first] = pullsFor(node, 1300);
  assert.ok(first);
  do node.clock.nowMs += 1;
  while (pulledFrom(node.tick()).length === 0);
  node.receive(2, { type: 'later', re: node.pullNumber(2) });
  node.clock.nowMs += 199;
  assert.equal(
    pulledFrom(node.receive(2, { type: 'digest', digest: digestWith(node.view, { [PEER]: 9 }) })),
    [],
  );
  node.clock.nowMs += 1;
  assert.equal(
    pulledFrom(node.receive(2, { type: 'digest', digest: digestWith(node.view, { [PEER]: 9 }) })),
    [2],
  );
});

flight(
  'whatever happens, a peer is never asked twice without an answer or a timeout between',
  () => {
    const event = fc.oneof(
      fc.record({ laterMs: fc.nat(700) }),
      fc.record({ answer: fc.integer({ min: 2, max: 4 }), more: fc.boolean() }),
      fc.record({ gap: fc.integer({ min: 2, max: 4 }) }),
      fc.record({ digest: fc.integer({ min: 2, max: 4 }), seq: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.integer(), (events, seed) => {
        const node = withPeers(3, { seed });
        const inFlight = new Map([2, 3, 4].map((connection) => [connection, node.clock.nowMs]));
        for (const one of events) {
          const outputs: Output[] = [];
          if ('laterMs' in one) {
            node.clock.nowMs += one.laterMs;
            for (const [connection, since] of inFlight)
              if (node.clock.nowMs - since > 5000) inFlight.delete(connection);
            outputs.push(...node.tick());
          } else if ('answer' in one) {
            if (!inFlight.delete(one.answer)) continue;
            outputs.push(...node.answer(one.answer, one.more));
          } else if ('gap' in one)
            outputs.push(...node.taken(one.gap, { kind: 'gap' }, false, false));
          else {
            const digest = digestWith(node.view, { [originOf(one.digest)]: one.seq });
            outputs.push(...node.receive(one.digest, { type: 'digest', digest }));
          }
          for (const connection of pulledFrom(outputs)) {
            assert.not.ok(inFlight.has(connection));
            inFlight.set(connection, node.clock.nowMs);
          }
        }
      }),
      { numRuns: 500 },
    );
  },
);

flight.run();

const rounds = suite('rounds of pulls');

rounds('each peer is visited once before any is visited twice, in shuffled order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 7 }), fc.integer(), (count, seed) => {
      const node = withPeers(count, { seed });
      for (let connection = 2; connection < count + 2; connection++) node.answer(connection);
      const visits = pullsFor(node, count * 20_000, 50).map(({ from }) => from);
      const orders: string[] = [];
      for (let start = 0; start + count <= visits.length; start += count) {
        const round = visits.slice(start, start + count);
        assert.is(new Set(round).size, count);
        orders.push(round.join());
      }
      assert.ok(orders.length >= 12);
      if (count > 2) assert.ok(new Set(orders).size > 1, 'the order changes');
    }),
    { numRuns: 20 },
  );
});

rounds('a hung peer holds back no other', () => {
  const node = withPeers(3, { settings: { pullTimeoutMs: 1e9 } });
  for (const connection of [3, 4]) node.answer(connection);
  const visits = pullsFor(node, 10_000).map(({ from }) => from);
  assert.ok(visits.length >= 7);
  assert.equal([...new Set(visits)].sort(), [3, 4]);
});

rounds('a peer that leaves is no longer visited, and one that comes is', () => {
  const node = withPeers(2);
  for (const connection of [2, 3]) node.answer(connection);
  node.step({ kind: 'closed', connection: 2, reason: 'it broke' });
  node.greet(9, { origin: PEER });
  node.answer(9);
  const visits = pullsFor(node, 6000).map(({ from }) => from);
  assert.equal([...new Set(visits)].sort(), [3, 9]);
});

rounds('nobody to pull from is no trouble', () => {
  const node = withPeers(0);
  assert.equal(pullsFor(node, 3000), []);
});

rounds.run();

const interval = suite('time between pulls');

/** The same core with a peer that holds what it does not, so that their digests differ. */
const differing = (node: Pulled): Pulled => ({
  ...node,
  answer: (connection) => [
    ...node.receive(
      connection,
      emptyAnswer(digestWith(node.view, { [PEER]: 9 }), false, node.pullNumber(connection)),
    ),
    ...node.taken(connection, { kind: 'refused' }),
  ],
});

/** The core once its peers have answered the pulls that their greetings brought. */
function answered(node: Pulled, count: number): Pulled {
  for (let connection = 2; connection < count + 2; connection++) node.answer(connection);
  return node;
}

const averageOf = (gaps: readonly number[]): number =>
  gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;

interval('while digests differ it is the interval, a quarter more or less', () => {
  const gaps = [1, 2, 3, 4].flatMap((seed) =>
    gapsOf(pullsFor(answered(differing(withPeers(1, { seed })), 1), 40_000)),
  );
  assert.ok(gaps.length > 120);
  for (const gap of gaps) assert.ok(gap >= 750 && gap <= 1251, `${gap}`);
  assert.ok(averageOf(gaps) > 950 && averageOf(gaps) < 1050, `${averageOf(gaps)}`);
  assert.ok(Math.min(...gaps) < 800 && Math.max(...gaps) > 1200, 'it is spread');
});

interval(
  'while digests are equal it grows, and with eight peers or fewer never beyond 1.25 of it',
  () => {
    for (const count of [1, 8]) {
      const gaps = gapsOf(pullsFor(answered(withPeers(count), count), 60_000));
      for (const gap of gaps) assert.ok(gap >= 750 && gap <= 1251, `${gap}`);
      const late = gaps.slice(10);
      assert.ok(averageOf(late) > 1100, `${averageOf(late)}`);
      assert.ok(new Set(late).size > 5, 'it is spread');
    }
  },
);

interval('with more peers it grows with their number', () => {
  const gaps = gapsOf(pullsFor(answered(withPeers(16), 16), 100_000)).slice(20);
  for (const gap of gaps) assert.ok(gap <= 2501, `${gap}`);
  assert.ok(Math.max(...gaps) > 2000);
});

interval('one difference ends the back-off', () => {
  const node = answered(withPeers(1), 1);
  assert.ok(averageOf(gapsOf(pullsFor(node, 60_000)).slice(10)) > 1100);
  const gaps = gapsOf(pullsFor(differing(node), 60_000)).slice(1);
  assert.ok(averageOf(gaps) < 1050, `${averageOf(gaps)}`);
});

interval('beyond a full mesh, where ops are always under way, a difference does not', () => {
  const node = answered(withPeers(2, { settings: { meshLimit: 2 } }), 2);
  pullsFor(node, 60_000, 50);
  const gaps = gapsOf(pullsFor(differing(node), 60_000, 50)).slice(1);
  assert.ok(averageOf(gaps) > 1100, `${averageOf(gaps)}`);
});

interval.run();

const exchanges = suite('digests and deltas');

exchanges(
  'a digest is answered, and the peer pulled from in turn where it holds what we lack',
  () => {
    const node = withPeers(1);
    node.answer(2);
    const ahead = digestWith(node.view, { [OWN]: 1, [PEER]: 3 });
    const outputs = node.receive(2, { type: 'digest', digest: ahead });
    assert.equal(ofKind(outputs, 'answer')[0]?.digest.vector, ahead.vector);
    assert.equal(pulledFrom(outputs), [2]);
  },
);

exchanges('a digest that holds no more than we do is answered and no more', () => {
  const node = withPeers(1);
  node.answer(2);
  for (const seqs of [{ [OWN]: 1 }, {}]) {
    const outputs = node.receive(2, { type: 'digest', digest: digestWith(node.view, seqs) });
    assert.is(ofKind(outputs, 'answer').length, 1);
    assert.equal(pulledFrom(outputs), []);
  }
});

exchanges('an answer and a push are taken in, each for what it is', () => {
  const node = withPeers(1);
  const delta = { ranges: [{ origin: PEER, after: 0, to: 1, sum: ZERO }], ops: [put()] };
  const push: Message = { type: 'delta', delta, answer: null };
  assert.equal(ofKind(node.receive(2, push), 'take'), [
    { kind: 'take', connection: 2, delta, from: PEER, pull: null, more: false },
  ]);
  const digest = digestOf(node.view);
  const answer: Message = { ...push, answer: { digest, more: true }, re: node.pullNumber(2) };
  assert.equal(ofKind(node.receive(2, answer), 'take'), [
    { kind: 'take', connection: 2, delta, from: PEER, pull: 1, more: true },
  ]);
});

exchanges('equal vectors with equal map sums agree, and others are noted once', () => {
  const node = withPeers(1);
  const agrees = (): boolean | null | undefined => node.core.status()[0]?.agrees;
  assert.is(agrees(), null);
  node.receive(2, { type: 'digest', digest: digestOf(node.view) });
  assert.is(agrees(), true);
  const other = digestOf(node.view, { mapSum: { high: 1, low: 1 } });
  const noted = [1, 2].map(
    () => ofKind(node.receive(2, { type: 'digest', digest: other }), 'note').length,
  );
  assert.equal(noted, [1, 0]);
  const outputs = node.receive(2, { type: 'digest', digest: other });
  assert.is(ofKind(outputs, 'disagrees').length, 1, 'each time it is counted');
  assert.is(agrees(), false);
});

exchanges(
  'nor does a map sum as of what is past by our clock: dead entries may be collected',
  () => {
    const node = withPeers(1);
    const asOf = Math.floor((node.clock.nowMs - 3_600_000) / 60_000);
    const digest = digestOf(node.view, { asOf, mapSum: { high: 1, low: 1 } });
    assert.equal(ofKind(node.receive(2, { type: 'digest', digest }), 'note'), []);
    assert.is(node.core.status()[0]?.agrees, null);
  },
);

exchanges(
  'maps are compared also where the stable clock is of a time when all clocks were ahead',
  () => {
    const node = withPeers(1);
    node.view.stable = { vector: new Map(), clock: node.clock.nowMs + 3_600_000 };
    node.receive(2, { type: 'digest', digest: digestOf(node.view) });
    assert.is(node.core.status()[0]?.agrees, true);
  },
);

exchanges('different vectors say nothing about agreement', () => {
  const node = withPeers(1);
  const digest = { ...digestWith(node.view, { [PEER]: 4 }), mapSum: { high: 1, low: 1 } };
  node.receive(2, { type: 'digest', digest });
  assert.is(node.core.status()[0]?.agrees, null);
});

exchanges(
  'status tells by how many ops each side is behind, and when the peer was last heard',
  () => {
    const node = withPeers(1);
    assert.equal(
      [node.core.status()[0]?.weLackOps, node.core.status()[0]?.peerLacksOps],
      [null, null],
    );
    node.clock.nowMs += 500;
    node.receive(2, { type: 'digest', digest: digestWith(node.view, { [PEER]: 4 }) });
    const [row] = node.core.status();
    assert.equal([row?.weLackOps, row?.peerLacksOps, row?.lastHeardAt], [4, 1, node.clock.nowMs]);
  },
);

exchanges("a peer's horizon is passed on", () => {
  const node = withPeers(1);
  const outputs = node.receive(2, { type: 'digest', digest: digestOf(node.view, { horizon: 2 }) });
  assert.equal(ofKind(outputs, 'horizon'), [{ kind: 'horizon', horizon: 2 }]);
});

exchanges.run();
