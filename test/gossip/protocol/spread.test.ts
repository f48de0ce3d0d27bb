/** The spread of ops beyond a full mesh: which links are eager, and what lazy ones are for. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { HaveMessage } from '../../../src/gossip/protocol/spreadMessages.ts';
import type { Report } from '../../../src/rules/certificate.ts';
import { hashed, reportChanges } from '../../../src/rules/reportChanges.ts';
import type { Delta } from '../../../src/words/delta.ts';
import { ZERO } from '../../../src/words/hash.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  NOW,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';

const OWN = originOf(1);
const [TWO, THREE, FOUR] = [originOf(2), originOf(3), originOf(4)];
const FAR = originOf(5);

/** A member of five, beyond a mesh limit of three, with links to three of them. */
function meshed(meshLimit = 3): TestCore {
  const node = testCore({ others: [TWO, THREE, FOUR, FAR], settings: { meshLimit } });
  for (const [connection, origin] of [TWO, THREE, FOUR].entries()) {
    node.greet(connection, { origin });
    node.receive(connection, emptyAnswer(digestOf(node.view), false, 1));
    node.step({
      kind: 'taken',
      connection,
      outcome: { kind: 'applied', ops: 0 },
      pull: 1,
      more: false,
    });
  }
  return node;
}

const deltaOf = (origin: string, to: number): Delta => ({
  ranges: [{ origin, after: to - 1, to, sum: ZERO }],
  ops: [],
});

const certificate: Report = {
  members: new Set([OWN, TWO, THREE, FOUR, FAR]),
  min: new Map([[OWN, 1]]),
  max: new Map([
    [OWN, 1],
    [FAR, 6],
  ]),
  clock: NOW,
};

/** The node holds the certificate, and the peer has named it. */
function named(node: TestCore, connection: number): void {
  node.receive(0, { type: 'certificate', id: 'r1', report: certificate });
  const { hash: base } = hashed(certificate);
  node.receive(connection, { type: 'round', id: 'r2', timeMs: 100, base });
}

const haveOf = (seq: number): HaveMessage => ({
  type: 'have',
  seqs: { base: null, steps: [], added: new Map([[FAR, seq]]) },
});

/** A push comes over the connection, and brings so many ops. */
function pushed(node: TestCore, connection: number, seq: number, ops: number) {
  node.receive(connection, { type: 'delta', delta: deltaOf(FAR, seq), answer: null });
  if (ops > 0) node.view.vector.set(FAR, seq);
  return node.step({
    kind: 'taken',
    connection,
    outcome: { kind: 'applied', ops },
    pull: null,
    more: false,
  });
}

const after = ({ clock, tick }: TestCore, ms: number) => {
  clock.nowMs += ms;
  return tick();
};

const spread = suite('spread (rule 7)');

spread('all links are eager at first, and an op does not go back to who sent it', () => {
  const node = meshed();
  pushed(node, 1, 7, 1);
  assert.equal(node.core.spreadTargets(FAR, 7), { eager: [0, 2], lazy: [] });
  assert.equal(node.core.spreadTargets(FAR, 8), { eager: [0, 1, 2], lazy: [] });
});

spread('ops go to peers that have joined, and that know what a push is', () => {
  const node = testCore({ others: [TWO, THREE, FOUR], settings: { meshLimit: 4 } });
  node.greet(0, { origin: TWO });
  node.greet(1, { origin: THREE, joined: false, clusterId: null });
  node.greet(2, { origin: FOUR, protocol: [1, 5] });
  node.open(3);
  assert.equal(node.core.spreadTargets(FAR, 7), { eager: [0], lazy: [] });
});

spread('an op does not go to a peer whose digest covers it', () => {
  const node = meshed();
  node.receive(0, { type: 'digest', digest: digestWith(node.view, { [OWN]: 1, [FAR]: 9 }), re: 4 });
  assert.equal(node.core.spreadTargets(FAR, 9).eager, [1, 2]);
});

spread(
  'what a peer has sent, told or listed in a digest, it holds, and so it does where it is gone',
  () => {
    const node = meshed();
    pushed(node, 1, 7, 1);
    node.receive(2, haveOf(8));
    node.receive(0, {
      type: 'digest',
      digest: digestWith(node.view, { [OWN]: 1, [FAR]: 9 }),
      re: 4,
    });
    const heldUpTo = (connection: number, seq: number): boolean =>
      node.core.isHeld(connection, FAR, seq) && !node.core.isHeld(connection, FAR, seq + 1);
    assert.ok(heldUpTo(1, 7) && heldUpTo(2, 8) && heldUpTo(0, 9));
    assert.ok(node.core.isHeld(77, FAR, 1));
  },
);

spread(
  'two pushes in a row that bring nothing make a link lazy, and its other side is told',
  () => {
    const node = meshed();
    pushed(node, 0, 7, 1);
    assert.equal(sent(pushed(node, 1, 7, 0), 'prune'), []);
    assert.equal(sent(pushed(node, 1, 7, 0), 'prune'), [
      { connection: 1, message: { type: 'prune' } },
    ]);
    assert.equal(node.core.spreadTargets(FAR, 8), { eager: [0, 2], lazy: [1] });
    assert.equal(sent(pushed(node, 1, 7, 0), 'prune'), []);
  },
);

spread('a push that brings something in between keeps the link eager', () => {
  const node = meshed();
  pushed(node, 1, 7, 0);
  pushed(node, 1, 8, 1);
  assert.equal(sent(pushed(node, 1, 8, 0), 'prune'), []);
  assert.is(node.core.spreadTargets(FAR, 9).lazy.length, 0);
});

spread(
  'a link is lazy where the other side says so, and eager again where it asks for that',
  () => {
    const node = meshed();
    node.receive(2, { type: 'prune' });
    assert.equal(node.core.spreadTargets(FAR, 7).lazy, [2]);
    node.receive(2, { type: 'graft' });
    assert.equal(node.core.spreadTargets(FAR, 7).lazy, []);
  },
);

spread(
  'a question that shows ops under way is answered, and they are pulled only if they do not come',
  () => {
    for (const comes of [true, false]) {
      const node = meshed();
      const digest = digestWith(node.view, { [OWN]: 1, [FAR]: 9 });
      assert.equal(pulledFrom(node.receive(0, { type: 'digest', digest, re: 4 })), []);
      if (comes) node.view.vector.set(FAR, 9);
      const grafted = sent(after(node, 500), 'graft').map(({ connection }) => connection);
      assert.equal(grafted, comes ? [] : [0]);
    }
  },
);

spread('what a lazy link tells and no other brings is pulled there, and the link is eager', () => {
  const node = meshed();
  node.receive(2, { type: 'prune' });
  node.receive(2, haveOf(7));
  assert.equal(sent(after(node, 400), 'graft'), []);
  // No pull is in flight.
  node.receive(2, emptyAnswer(digestOf(node.view), false, node.pullNumber(2)));
  const outcome = { kind: 'applied', ops: 0 } as const;
  node.step({ kind: 'taken', connection: 2, outcome, pull: node.pullNumber(2), more: false });
  const outputs = after(node, 200);
  assert.equal(sent(outputs, 'graft'), [{ connection: 2, message: { type: 'graft' } }]);
  assert.ok(pulledFrom(outputs).includes(2));
  assert.equal(node.core.spreadTargets(FAR, 8).lazy, []);
});

spread(
  'of several lazy links that tell of it only the first becomes eager: more would close circles',
  () => {
    const node = meshed();
    for (const connection of [2, 0, 1]) {
      node.receive(connection, { type: 'prune' });
      node.receive(connection, haveOf(7));
      node.clock.nowMs += 10;
    }
    const grafted = (outputs: readonly Output[]): number[] =>
      sent(outputs, 'graft').map(({ connection }) => connection);
    assert.equal(grafted(after(node, 500)), [2]);
    assert.equal(grafted(after(node, 400)), []);
    assert.equal(grafted(after(node, 200)), [0], 'it has not come, and the next one is asked');
  },
);

for (const [name, told] of Object.entries({
  'a link has told of': ({ receive }: TestCore, seq: number) => receive(2, haveOf(seq)),
  'a question shows': ({ receive, view }: TestCore, seq: number) => {
    const digest = digestWith(view, { [OWN]: 1, [FAR]: seq });
    return receive(2, { type: 'digest', digest, re: seq });
  },
}))
  spread(`what ${name} that is here already hides nothing that it shows next`, () => {
    const node = meshed();
    node.view.vector.set(FAR, 7);
    told(node, 7);
    told(node, 8);
    assert.is(sent(after(node, 500), 'graft').length, 1);
  });

spread('a link that could not answer yet becomes eager, and is asked after its wait', () => {
  const node = meshed();
  node.receive(2, { type: 'prune' });
  node.receive(2, haveOf(7));
  after(node, 400);
  for (const connection of [0, 1, 2])
    node.receive(connection, { type: 'later', re: node.pullNumber(connection) });
  const outputs = after(node, 100);
  assert.equal(
    sent(outputs, 'graft').map(({ connection }) => connection),
    [2],
  );
  assert.equal(pulledFrom(outputs), []);
});

spread('what an eager link brings meanwhile grafts nothing', () => {
  const node = meshed();
  node.receive(2, { type: 'prune' });
  node.receive(2, haveOf(7));
  pushed(node, 0, 7, 1);
  assert.equal(sent(after(node, 600), 'graft'), []);
  assert.equal(node.core.spreadTargets(FAR, 8).lazy, [2]);
  assert.not.ok(node.core.spreadTargets(FAR, 7).lazy.includes(2));
});

spread('up to the mesh limit no link is ever pruned', () => {
  const node = meshed(5);
  assert.not.ok(node.core.isMesh);
  for (let count = 0; count < 5; count++) assert.equal(sent(pushed(node, 1, 1, 0), 'prune'), []);
});

spread('a lazy link is told names, and places in a certificate once the peer has named one', () => {
  const node = meshed();
  const seqs = new Map([
    [FAR, 8],
    ['new.x', 2],
  ]);
  const byName = { type: 'have', seqs: { base: null, steps: [], added: seqs } };
  assert.equal(node.core.haveFor(2, seqs), byName);
  named(node, 2);
  assert.equal(node.core.haveFor(1, seqs), byName, 'another peer has named none');
  assert.equal(node.core.haveFor(2, seqs), {
    type: 'have',
    seqs: { base: hashed(certificate).hash, steps: [4, 2], added: new Map([['new.x', 2]]) },
  });
});

spread('the certificate that a report is told from is named by it', () => {
  const node = meshed();
  named(node, 1);
  const changes = reportChanges(hashed(certificate), hashed(certificate));
  node.receive(2, { type: 'echo', id: 'r2', changes });
  assert.equal(node.core.haveFor(2, new Map([[FAR, 6]])).seqs.steps, [4, 0]);
});

spread('seqs at places in a certificate that this node does not hold tell nothing', () => {
  const seqs = { base: hashed(certificate).hash, steps: [4, 2], added: new Map() };
  const knows = meshed();
  named(knows, 2);
  knows.receive(2, { type: 'have', seqs });
  assert.ok(knows.core.isHeld(2, FAR, 8) && !knows.core.isHeld(2, FAR, 9));
  const lacks = meshed();
  lacks.receive(2, { type: 'have', seqs });
  assert.not.ok(lacks.core.isHeld(2, FAR, 1));
});

spread.run();
