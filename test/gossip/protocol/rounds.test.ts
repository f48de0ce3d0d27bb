/** Rounds beyond a full mesh (rule 9): who asks whom, when a node reports, and what a certificate is taken for. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import { HOP_MS, ROUND_PATIENCE_MS } from '../../../src/gossip/protocol/roundTimes.ts';
import { merged, reportOf } from '../../../src/rules/certificate.ts';
import { Members } from '../../../src/rules/members.ts';
import {
  digestOf,
  emptyAnswer,
  NOW,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const OWN = originOf(1);
const [TWO, THREE, FOUR, FIVE] = [originOf(2), originOf(3), originOf(4), originOf(5)];
const OTHERS = [TWO, THREE, FOUR, FIVE];
/** Longer than a round, and shorter than the time between two. */
const ROUND_OVER_MS = 9000;
const NEXT_ROUND_MS = 10_000;

/** Less than a member that starts waits before it begins a round. */
const SHORT_START_MS = 400;

/** A member of five with links to the first of the others, beyond a mesh limit of three; it may write at the next tick. */
const meshed = (options: Parameters<typeof starting>[0] = {}): TestCore =>
  starting({ joinTimeoutMs: SHORT_START_MS, ...options });

/** As `meshed`, but for the time that its start may take. */
function starting({
  own = OWN,
  links = [TWO, THREE],
  meshLimit = 3,
  joinTimeoutMs = 10_000,
} = {}): TestCore {
  const members = [OWN, ...OTHERS].filter((origin) => origin !== own);
  const node = testCore({ origin: own, others: members, settings: { meshLimit, joinTimeoutMs } });
  for (const [connection, origin] of links.entries()) {
    node.greet(connection, { origin });
    node.receive(connection, emptyAnswer(digestOf(node.view), false, 1));
    const outcome = { kind: 'applied', ops: 0 } as const;
    node.step({ kind: 'taken', connection, outcome, pull: 1, more: false });
  }
  return node;
}

const ticked = ({ clock, tick }: TestCore, afterMs: number): readonly Output[] => {
  clock.nowMs += afterMs;
  return tick();
};

/** Ticks until the node is ready and begins a round. @returns the ids and connections of the first one. */
function begun(node: TestCore): ReturnType<typeof sent<'round'>> {
  for (let count = 0; count < 30; count++) {
    const rounds = sent(ticked(node, 500), 'round');
    if (rounds.length > 0) return rounds;
  }
  throw new Error('no round begins');
}

const theirs = (origin: string, seq: number) => reportOf(origin, new Map([[OWN, seq]]), NOW + seq);

const rounds = suite('rounds (rule 9)');

rounds('up to the mesh limit nobody begins a round', () => {
  const node = meshed({ meshLimit: 5 });
  for (let count = 0; count < 60; count++) assert.equal(sent(ticked(node, 1000), 'round'), []);
});

rounds('up to the mesh limit the core does no other thing for a client that waits', () => {
  const [asked, left] = [true, false].map((waits) => {
    const node = meshed({ meshLimit: 5 });
    if (waits) node.core.askAll(1, 60_000);
    return Array.from({ length: 20 }, () => {
      const outputs = node.pass(1000);
      for (const connection of [0, 1])
        node.receive(connection, { type: 'later', re: node.pullNumber(connection) });
      return outputs;
    });
  });
  assert.equal(asked, left);
});

rounds(
  'the smallest member that is heard begins: it asks each link, and waits for their answers',
  () => {
    const node = meshed();
    const asked = begun(node);
    assert.equal(asked.map(({ connection }) => connection).sort(), [0, 1]);
    assert.equal(
      asked.map(({ message }) => message.hops),
      [0, 0],
    );
    const { id } = asked[0]?.message ?? { id: '' };
    node.view.vector.set(OWN, 7);
    assert.equal(
      sent(node.receive(0, { type: 'echo', id, report: theirs(TWO, 4) }), 'certificate'),
      [],
    );
    const told = sent(
      node.receive(1, { type: 'echo', id, report: theirs(THREE, 6) }),
      'certificate',
    );
    assert.equal(told.map(({ connection }) => connection).sort(), [0, 1]);
    const { report } = told[0]?.message ?? {};
    assert.equal([...(report?.members ?? [])].sort(), [OWN, TWO, THREE]);
    assert.equal(report?.min, new Map([[OWN, 4]]));
    // Its own report is of the moment after the answers.
    assert.equal(report?.max, new Map([[OWN, 7]]));
  },
);

rounds('a member that starts begins a round, and writes once it holds what that found', () => {
  const node = starting({ own: FIVE });
  const asked = begun(node);
  assert.equal(asked.map(({ connection }) => connection).sort(), [0, 1]);
  assert.is(node.core.phase, 'starting');
  const { id } = asked[0]?.message ?? { id: '' };
  node.receive(0, { type: 'echo', id, report: theirs(TWO, 4) });
  node.receive(1, { type: 'echo', id, report: theirs(THREE, 6) });
  ticked(node, 100);
  assert.is(node.core.phase, 'starting');
  node.view.vector.set(OWN, 6);
  ticked(node, 100);
  assert.is(node.core.phase, 'ready');
});

rounds('a round that nobody else took part in is none, and another one follows', () => {
  const node = starting({ own: FIVE });
  const [first] = begun(node);
  for (let count = 0; count < 2; count++)
    node.receive(count, { type: 'echo', id: first?.message.id ?? '' });
  ticked(node, 100);
  assert.is(node.core.phase, 'starting');
  assert.is.not(begun(node)[0]?.message.id, first?.message.id);
});

rounds(
  'a round of another one that comes by serves a start as well, an earlier one does not',
  () => {
    const node = starting({ own: FIVE });
    const report = merged(theirs(TWO, 1), theirs(FIVE, 1));
    node.view.vector.set(OWN, 1);
    node.receive(0, { type: 'certificate', id: 'old', report });
    ticked(node, 100);
    assert.is(node.core.phase, 'starting');
    node.receive(0, { type: 'round', id: 'other', timeMs: 8000 });
    for (let count = 0; count < 20; count++)
      assert.equal(sent(ticked(node, 100), 'round'), [], 'it leaves it to that round');
    node.receive(1, { type: 'echo', id: 'other' });
    node.receive(0, { type: 'certificate', id: 'other', report });
    ticked(node, 100);
    assert.is(node.core.phase, 'ready');
  },
);

rounds('a start waits for a round no longer than for its peers', () => {
  const node = starting({ own: FIVE, joinTimeoutMs: 2000 });
  begun(node);
  ticked(node, 900);
  assert.is(node.core.phase, 'starting');
  for (let count = 0; count < 20; count++) ticked(node, 100);
  assert.is(node.core.phase, 'ready');
});

rounds('in a full mesh a start waits for no round', () => {
  const node = starting({ meshLimit: 5 });
  ticked(node, 100);
  assert.is(node.core.phase, 'ready');
});

rounds('another one leaves it to the smaller ones that it hears', () => {
  const node = meshed({ own: THREE, links: [OWN, TWO] });
  for (let count = 0; count < 20; count++) assert.equal(sent(ticked(node, 500), 'round'), []);
});

rounds('a link that does not answer costs its own report only: the others have less time', () => {
  const node = meshed();
  const asked = begun(node);
  const { id, timeMs } = asked[0]?.message ?? { id: '', timeMs: 0 };
  assert.ok(timeMs < ROUND_OVER_MS);
  node.receive(0, { type: 'echo', id, report: theirs(TWO, 1) });
  const told = sent(ticked(node, ROUND_OVER_MS), 'certificate');
  assert.equal([...(told[0]?.message.report?.members ?? [])].sort(), [OWN, TWO]);
  assert.equal(
    sent(node.receive(1, { type: 'echo', id, report: theirs(THREE, 1) }), 'certificate'),
    [],
  );
});

rounds('a link that is gone is waited for no longer', () => {
  const node = meshed();
  const { id } = begun(node)[0]?.message ?? { id: '' };
  node.receive(0, { type: 'echo', id, report: theirs(TWO, 1) });
  node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.is(sent(ticked(node, 50), 'certificate').length, 1);
});

rounds(
  'a round that comes by goes on to the other links, with less time, and its answer goes back',
  () => {
    const node = meshed({ own: THREE, links: [OWN, TWO, FOUR] });
    const asked = sent(node.receive(0, { type: 'round', id: 'r', timeMs: 5000 }), 'round');
    assert.equal(asked.map(({ connection }) => connection).sort(), [1, 2]);
    for (const { message } of asked) assert.ok(message.timeMs < 5000);
    assert.equal(sent(node.receive(1, { type: 'round', id: 'r', timeMs: 5000 }), 'echo'), [
      { connection: 1, message: { type: 'echo', id: 'r' } },
    ]);
    node.receive(1, { type: 'echo', id: 'r' });
    const [echo] = sent(
      node.receive(2, { type: 'echo', id: 'r', report: theirs(FOUR, 1) }),
      'echo',
    );
    assert.is(echo?.connection, 0);
    assert.equal([...(echo?.message.report?.members ?? [])].sort(), [THREE, FOUR]);
  },
);

rounds('each round is answered by one report, also where it comes by twice', () => {
  const node = meshed({ own: THREE, links: [OWN] });
  const answers = [1, 2].map(() =>
    sent(node.receive(0, { type: 'round', id: 'r', timeMs: 99 }), 'echo'),
  );
  assert.equal(
    answers.map(([echo]) => echo?.message.report !== undefined),
    [true, false],
  );
});

rounds('a node takes part in eight rounds at one time, and adds no report to a ninth', () => {
  const node = meshed({ own: THREE, links: [OWN, TWO] });
  const takes = (id: string) => node.receive(0, { type: 'round', id, timeMs: 9000 });
  for (let number = 1; number <= 8; number++)
    assert.is(sent(takes(`r${number}`), 'round').length, 1, `round ${number} is passed on`);
  assert.equal(takes('r9'), [{ kind: 'send', connection: 0, message: { type: 'echo', id: 'r9' } }]);
});

rounds('the ids of the last 256 rounds are remembered', () => {
  const node = meshed({ own: THREE, links: [OWN] });
  const reports = (number: number): boolean => {
    const [echo] = sent(node.receive(0, { type: 'round', id: `r${number}`, timeMs: 99 }), 'echo');
    return echo?.message.report !== undefined;
  };
  for (let number = 1; number <= 257; number++) assert.ok(reports(number));
  assert.not(reports(2));
  assert.ok(reports(1));
});

rounds('nothing of a stranger counts, nor does it hear of a round', () => {
  const node = meshed({ links: [TWO, originOf(9)] });
  const asked = begun(node);
  assert.equal(
    asked.map(({ connection }) => connection),
    [0],
  );
  assert.equal(node.receive(1, { type: 'round', id: 'r', timeMs: 99 }), []);
  const certificate = { type: 'certificate', id: 'c', report: theirs(FIVE, 1) } as const;
  assert.equal(node.receive(1, certificate), []);
});

rounds('a certificate is told on to the other links, once', () => {
  const node = meshed();
  const certificate = { type: 'certificate', id: 'c', report: theirs(FIVE, 1) } as const;
  assert.equal(sent(node.receive(1, certificate), 'certified'), [
    { connection: 0, message: { type: 'certified', id: 'c' } },
  ]);
  assert.equal(node.receive(0, certificate), []);
});

rounds('by a certificate a member is heard that has no link here', () => {
  const node = meshed();
  assert.not.ok(node.core.lastHeardAt(FIVE) > NOW);
  node.clock.nowMs += NEXT_ROUND_MS;
  node.receive(0, { type: 'round', id: 'r', timeMs: 3000 });
  node.receive(1, { type: 'echo', id: 'r' });
  node.clock.nowMs += 700;
  node.receive(0, { type: 'certificate', id: 'r', report: theirs(FIVE, 1) });
  // From the beginning of the round on: it may have reported at once.
  assert.is(node.core.lastHeardAt(FIVE), NOW + NEXT_ROUND_MS);
});

rounds('what all have reported becomes stable, and is collected', () => {
  const node = meshed();
  node.view.deadEntries = 1;
  const report = {
    ...reportOf(TWO, new Map([[OWN, 1]]), NOW + 5000),
    members: new Set([OWN, ...OTHERS]),
  };
  node.receive(0, { type: 'certificate', id: 'c', report });
  const collected: Output[] = [];
  for (let count = 0; count < 30; count++)
    collected.push(...ticked(node, 500).filter(({ kind }) => kind === 'collect'));
  const [first] = collected;
  assert.equal(first?.kind === 'collect' && [...first.stable.vector], [[OWN, 1]]);
});

/** A member whose links have shown that they hold its ops up to the seq. */
function shown(seq: number, own = THREE): TestCore {
  const node = meshed({ own, links: own === THREE ? [OWN, TWO] : [TWO, THREE] });
  node.view.vector.set(own, seq);
  for (const connection of [0, 1])
    node.receive(connection, { type: 'confirmed', seq, sum: { high: 0, low: seq } });
  return node;
}

const certificateOf = (members: readonly string[], min: number, max: number, id = 'c') =>
  ({
    type: 'certificate',
    id,
    report: {
      min: new Map([[THREE, min]]),
      max: new Map([[THREE, max]]),
      clock: NOW,
      members: new Set(members),
    },
  }) as const;

rounds('by a certificate all that it names hold the least of its seqs', () => {
  fc.assert(
    fc.property(
      fc.subarray([OWN, TWO, FOUR, FIVE]),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      (named, min, seq) => {
        const { core, receive } = shown(4);
        receive(0, certificateOf(named, min, 9));
        // A seq that was never born here counts for nothing.
        const isProven = min >= seq && min <= 4;
        const proven = [FOUR, FIVE].filter((origin) => isProven && named.includes(origin));
        assert.is(core.acks(seq), 2 + proven.length);
        assert.is(core.isHeldByAll(seq), proven.length === 2);
        assert.is(core.others(), 4);
      },
    ),
  );
});

rounds('a certificate has no sum: it counts as far as a link has shown one', () => {
  const node = meshed({ own: THREE, links: [OWN, TWO] });
  node.view.vector.set(THREE, 4);
  node.receive(0, certificateOf([OWN, TWO, FOUR, FIVE], 4, 4));
  assert.is(node.core.acks(4), 0);
  node.receive(1, { type: 'confirmed', seq: 3, sum: { high: 0, low: 3 } });
  assert.ok(node.core.isHeldByAll(3));
  assert.not.ok(node.core.isHeldByAll(4));
});

rounds('strangers that a certificate names, and this node itself, count for nothing', () => {
  const { core, receive } = shown(4);
  receive(0, certificateOf([OWN, TWO, THREE, FOUR, FIVE, originOf(9)], 4, 4));
  assert.is(core.acks(4), 4);
  assert.ok(core.hears(FIVE));
  assert.not.ok(core.hears(originOf(9)));
});

rounds('a round begins each ten seconds', () => {
  const node = meshed();
  begun(node);
  assert.equal(sent(ticked(node, NEXT_ROUND_MS - 1), 'round'), []);
  assert.ok(sent(ticked(node, 1), 'round').length > 0);
});

rounds('a round ends at its time, and not before', () => {
  const node = meshed();
  const { timeMs } = begun(node)[0]?.message ?? { timeMs: 0 };
  assert.equal(sent(ticked(node, timeMs + HOP_MS - 1), 'certified'), []);
  assert.equal(
    sent(ticked(node, 1), 'certified').map(({ connection }) => connection),
    [0, 1],
  );
});

rounds(
  'another one than the smallest begins a round where no certificate comes for a minute',
  () => {
    const node = meshed({ own: THREE, links: [OWN, TWO] });
    const begins = (afterMs: number): boolean => {
      for (const connection of [0, 1]) node.receive(connection, { type: 'later' });
      return sent(ticked(node, afterMs), 'round').some(({ message }) => message.hops === undefined);
    };
    while (node.core.phase !== 'ready') ticked(node, 100);
    node.receive(0, { type: 'certificate', id: 'c', report: theirs(TWO, 1) });
    for (let passedMs = 0; passedMs < ROUND_PATIENCE_MS; passedMs += NEXT_ROUND_MS)
      assert.not(begins(NEXT_ROUND_MS), `${passedMs} ms`);
    assert.ok(begins(NEXT_ROUND_MS));
  },
);

rounds('a member that starts without a link begins a round once it has one', () => {
  const node = starting({ own: FIVE, links: [] });
  for (let count = 0; count < 8; count++) assert.equal(sent(ticked(node, 500), 'round'), []);
  node.greet(0, { origin: TWO });
  assert.is(sent(ticked(node, 1), 'round').length, 1);
});

rounds('a round that came by before the first tick serves a start as well', () => {
  const node = starting({ own: FIVE });
  node.receive(0, { type: 'round', id: 'r', timeMs: 300 });
  for (let count = 0; count < 29; count++)
    assert.equal(sent(ticked(node, 100), 'round'), [], 'it leaves it to that round');
  assert.ok(sent(ticked(node, 100), 'round').length > 0);
});

rounds('a round that comes once more by the link that it came by is answered once', () => {
  const node = meshed({ own: THREE, links: [OWN, TWO] });
  const round = { type: 'round', id: 'r', timeMs: 5000 } as const;
  node.receive(0, round);
  assert.equal(node.receive(0, round), []);
  assert.is(sent(node.receive(1, { type: 'echo', id: 'r' }), 'echo').length, 1);
});

rounds('a report is not sent where the link is gone that the round came by', () => {
  const node = meshed({ own: THREE, links: [OWN, TWO] });
  node.receive(0, { type: 'round', id: 'r', timeMs: 5000 });
  node.step({ kind: 'closed', connection: 0, reason: 'it broke' });
  assert.equal(node.receive(1, { type: 'echo', id: 'r' }), []);
});

rounds('a node that is no member by its own log reports nothing', () => {
  const node = meshed({ own: THREE, links: [OWN] });
  node.view.members = new Members();
  for (const key of OTHERS.concat(OWN))
    if (key !== THREE) node.view.members.fold(membership({ key }));
  assert.equal(node.receive(0, { type: 'round', id: 'r', timeMs: 99 }), []);
});

rounds('a client that waits for all has the node begin a round, once a second at most', () => {
  const node = shown(4);
  for (let count = 0; count < 4; count++) assert.equal(sent(ticked(node, 500), 'round'), []);
  node.core.askAll(4, 5000);
  let begun = 0;
  for (let count = 0; count < 20; count++) {
    const asked = sent(ticked(node, 250), 'round');
    for (const { connection, message } of asked) {
      assert.is(message.hops, undefined, 'the tree follows regular rounds alone');
      node.receive(connection, { type: 'echo', id: message.id });
    }
    if (asked.length > 0) begun++;
  }
  assert.ok(begun >= 3 && begun <= 9, `${begun} rounds in 5 s`);
  for (let count = 0; count < 8; count++) assert.equal(sent(ticked(node, 500), 'round'), []);
});

rounds('no round begins for a client at the moment from which it waits no longer', () => {
  for (const [afterMs, begins] of [
    [4999, true],
    [5000, false],
  ] as const) {
    const node = shown(4);
    ticked(node, 500);
    ticked(node, 500);
    node.core.askAll(4, 5000);
    assert.is(sent(ticked(node, afterMs), 'round').length > 0, begins);
  }
});

rounds('a round of another node serves the client as well', () => {
  const node = shown(4);
  node.core.askAll(4, 60_000);
  for (let count = 0; count < 12; count++) {
    assert.equal(
      sent(ticked(node, 400), 'round').filter(({ connection }) => connection === 0),
      [],
    );
    node.receive(0, { type: 'round', id: `r${count}`, timeMs: 300 });
  }
  node.receive(0, certificateOf([OWN, TWO, FOUR, FIVE], 4, 4, 'r11'));
  for (let count = 0; count < 8; count++) assert.equal(sent(ticked(node, 500), 'round'), []);
});

rounds('up to the mesh limit a client that waits for all begins no round', () => {
  const node = meshed({ meshLimit: 5 });
  node.core.askAll(1, 5000);
  for (let count = 0; count < 20; count++) assert.equal(sent(ticked(node, 250), 'round'), []);
});

rounds.run();
