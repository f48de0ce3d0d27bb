/**
 * Conditions that keep a cluster whole and apart from others: whose ops are taken, whose word settles what
 * is stable, and who is told to begin anew.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import type { Message } from '../../../src/gossip/protocol/messages.ts';
import { ZERO } from '../../../src/words/hash.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, PEER, OTHER, GONE] = [originOf(1), originOf(2), originOf(3), originOf(9)];
/** As of a peer that holds other ops of retired origins, and does not list them. */
const INEXACT: Partial<Digest> = { retiredSum: { high: 9, low: 9 }, listsRetired: false };

const push: Message = {
  type: 'delta',
  delta: { ranges: [{ origin: PEER, after: 0, to: 1, sum: ZERO }], ops: [] },
  answer: null,
};
const ask = (digest: Digest): Message => ({ type: 'digest', digest, re: 5 });

/** A member that may write, beside members that are given. */
function ready(others: readonly string[], settings: object = {}): TestCore {
  const node = testCore({ others, settings: { joinTimeoutMs: 0, ...settings } });
  node.tick();
  assert.is(node.core.phase, 'ready');
  return node;
}

const retire = (node: TestCore, origin: string): void =>
  node.view.members.fold(membership({ kind: 'retire', key: origin }));

const taking = suite('whose ops are taken directly (rule 8)');

taking('of members, and of nobody who is not known to have joined here', () => {
  for (const [origin, admittedBy, count] of [
    [PEER, null, 1],
    [OTHER, PEER, 1],
    [OTHER, null, 0],
    [OTHER, GONE, 0],
  ] as const) {
    const node = ready([PEER]);
    node.greet(3, { origin, admittedBy });
    node.receive(3, ask(digestOf(node.view)));
    assert.is(ofKind(node.receive(3, push), 'take').length, count, `${origin} ${admittedBy}`);
  }
});

taking('of a peer that a member let in, once it is known to lack nothing that is gone', () => {
  const taken = (seqs: Readonly<Record<string, number>> | null, reach: number): number => {
    const node = ready([PEER]);
    node.view.vector.set(OWN, 5);
    node.view.reach = () => new Map([[OWN, reach]]);
    node.greet(3, { origin: OTHER, admittedBy: PEER });
    if (seqs === null) return ofKind(node.receive(3, push), 'take').length;
    const answer = emptyAnswer(digestWith(node.view, seqs), false, node.pullNumber(3));
    return ofKind(node.receive(3, answer), 'take').length;
  };
  assert.equal([taken(null, 0), taken({ [OWN]: 3 }, 3), taken({ [OWN]: 2 }, 3)], [0, 1, 0]);
});

taking('not of an origin that was retired since it greeted: no push, no answer', () => {
  const node = ready([PEER, OTHER]);
  // The member that let it in is still there, and would vouch for it.
  node.greet(2, { admittedBy: OTHER });
  const answer = emptyAnswer(digestOf(node.view), false, node.pullNumber(2));
  retire(node, PEER);
  assert.equal(ofKind(node.receive(2, push), 'take'), []);
  assert.equal(ofKind(node.receive(2, answer), 'take'), []);
});

taking('an origin that was retired gets ops until it holds its `retire`, and then is told', () => {
  const node = ready([PEER]);
  node.greet(2);
  node.view.members.fold(membership({ kind: 'retire', key: PEER, origin: OWN, seq: 2 }));
  const answersTo = (digest: Digest, isToldNow: boolean): void => {
    const outputs = node.receive(2, ask(digest));
    assert.equal(
      sent(outputs, 'rejoin').map(({ message }) => [message.code, message.re]),
      isToldNow ? [['retired', 5]] : [],
    );
    assert.equal(
      ofKind(outputs, 'answer').map(({ re }) => re),
      isToldNow ? [] : [5],
    );
  };
  answersTo(digestWith(node.view, { [OWN]: 1 }), false);
  answersTo(digestWith(node.view, { [OWN]: 2 }), true);
  node.view.members.close(PEER);
  answersTo(digestWith(node.view, { [OWN]: 1 }), false);
  node.view.reach = () => new Map([[OWN, 2]]);
  answersTo(digestWith(node.view, { [OWN]: 1 }), true);
});

taking('a retired peer that stays connected and asks for nothing is told again', () => {
  const node = ready([PEER]);
  node.greet(2);
  retire(node, PEER);
  const tellings = (): number => {
    node.clock.nowMs += 1000;
    return sent(node.tick(), 'rejoin').length;
  };
  const counts = Array.from({ length: 10 }, tellings);
  assert.is(counts.filter((count) => count === 1).length, 2, String(counts));
});

taking(
  'this node rejoins at the first sign that it was retired, before it reads anything more',
  () => {
    const node = ready([PEER]);
    node.greet(2);
    retire(node, OWN);
    const outputs = node.receive(2, ask(digestOf(node.view)));
    assert.equal(
      outputs.map(({ kind }) => kind),
      ['rejoin'],
    );
  },
);

taking.run();

const telling = suite('who is told to begin anew');

telling('a member that lacks ops compacted away, but not by a digest that is not exact', () => {
  for (const [fields, codes, laters] of [
    [{ listsRetired: true }, ['behind'], 0],
    [INEXACT, [], 1],
  ] as const) {
    const node = ready([PEER]);
    node.greet(2);
    node.view.reach = () => new Map([[PEER, 5]]);
    const digest = { ...digestWith(node.view, { [OWN]: 1 }), ...fields };
    const outputs = node.receive(2, ask(digest));
    assert.equal(
      sent(outputs, 'rejoin').map(({ message }) => message.code),
      codes,
    );
    assert.is(sent(outputs, 'later').length, laters);
  }
});

telling('a stranger of our cluster only after the join timeout: its join may be on its way', () => {
  const node = ready([], { joinTimeoutMs: 3000 });
  const stranger = (fields: object) => ({ origin: OTHER, admittedBy: GONE, ...fields });
  const answerTo = (connection: number): [number, number] => {
    const outputs = node.receive(connection, ask(digestWith(node.view, { [OTHER]: 3 })));
    return [sent(outputs, 'later').length, sent(outputs, 'rejoin').length];
  };
  node.greet(3, stranger({}));
  assert.equal(answerTo(3), [1, 0]);
  node.clock.nowMs += 2999;
  assert.equal(answerTo(3), [1, 0]);
  node.clock.nowMs += 1;
  assert.equal(answerTo(3), [0, 1]);
  node.greet(4, stranger({ origin: originOf(4), joined: false, clusterId: null }));
  assert.equal(answerTo(4), [0, 1], 'one that has not joined is of no cluster');
});

telling(
  'this node itself by a peer that holds later ops of it, if it has written since its start',
  () => {
    for (const [bornHere, rejoins] of [
      [0, 0],
      [1, 1],
    ] as const) {
      const node = ready([PEER]);
      node.greet(2);
      node.view.bornHere = bornHere;
      const outputs = node.receive(2, ask(digestWith(node.view, { [OWN]: 4 })));
      assert.equal(
        ofKind(outputs, 'rejoin').map(({ ownOps }) => ownOps),
        Array(rejoins).fill('forked'),
      );
    }
  },
);

telling('not a node that was judged a stranger before it had joined', () => {
  for (const [isEarly, rejoins] of [
    [true, 0],
    [false, 1],
  ] as const) {
    const node = testCore({ joined: false, settings: { url: 'http://one' } });
    node.greet(2, { origin: PEER });
    for (const key of [OWN, PEER]) node.view.members.fold(membership({ key }));
    node.view.vector.set(PEER, 1);
    const more = true;
    node.receive(2, emptyAnswer(digestOf(node.view), more, node.pullNumber(2)));
    const outcome = { kind: 'applied', ops: 1 } as const;
    node.step({ kind: 'taken', connection: 2, outcome, pull: node.pullNumber(2), more });
    node.clock.nowMs += 100;
    node.step({ kind: 'joined' });
    if (!isEarly) {
      node.receive(2, emptyAnswer(digestOf(node.view), more, node.pullNumber(2)));
      node.step({ kind: 'taken', connection: 2, outcome, pull: node.pullNumber(2), more });
    }
    const outputs = node.receive(2, {
      type: 'rejoin',
      code: 'stranger',
      reason: 'it is no member',
      smallestMember: null,
      reach: new Map(),
      re: node.pullNumber(2),
    });
    assert.is(ofKind(outputs, 'rejoin').length, rejoins, `early: ${isEarly}`);
  }
});

telling.run();

const settling = suite('whose word settles what is stable (rule 9)');

settling('an exact digest of a member, and no other', () => {
  for (const [hello, fields, isSettled] of [
    [{}, {}, true],
    [{}, INEXACT, false],
    [{ joined: false, clusterId: null }, {}, false],
    [{ origin: OTHER, admittedBy: PEER }, {}, false],
  ] as const) {
    const node = ready([PEER]);
    node.greet(2, hello);
    node.receive(2, ask({ ...digestOf(node.view), ...fields }));
    node.core.stability.settle(node.view.vector);
    const { origin = PEER } = hello as { origin?: string };
    assert.is(node.core.stability.settledOf(origin) !== undefined, isSettled);
  }
});

settling('a retire that a forked origin wrote holds back nothing: nobody will ever hold it', () => {
  for (const [isForked, collects] of [
    [true, 1],
    [false, 0],
  ] as const) {
    const node = ready([PEER]);
    node.greet(2);
    node.view.deadEntries = 1;
    node.view.vector.set(GONE, 5);
    retire(node, GONE);
    node.view.members.fold(membership({ kind: 'retire', key: OTHER, origin: GONE, seq: 5 }));
    if (isForked) node.step({ kind: 'differs', connection: 2, origin: GONE });
    const theirs = digestWith(node.view, { [OWN]: 1, [GONE]: 4 });
    node.receive(2, ask({ ...theirs, listsRetired: true }));
    node.clock.nowMs += 1000;
    assert.is(ofKind(node.tick(), 'collect').length, collects, `forked: ${isForked}`);
  }
});

settling(
  'half of the members is no majority: of four that hear one another in twos none goes',
  () => {
    for (const [heard, retired] of [
      [[PEER], []],
      [[PEER, OTHER], [originOf(4)]],
    ] as const) {
      const settings = { memberTimeoutMs: 30_000, hearingMs: 5000, url: 'http://one' };
      const node = ready([PEER, OTHER, originOf(4)], settings);
      for (const [index, origin] of heard.entries()) node.greet(index + 2, { origin });
      const gone = new Set<string>();
      for (let ms = 0; ms < 90_000; ms += 500) {
        node.clock.nowMs += 500;
        const digest = {
          ...digestOf(node.view, { clock: node.clock.nowMs }),
          unheard: [originOf(4)],
        };
        for (const index of heard.keys()) node.receive(index + 2, { type: 'digest', digest });
        for (const { origin } of ofKind(node.tick(), 'retire')) gone.add(origin);
      }
      assert.equal([...gone], retired);
    }
  },
);

settling.run();
