/** A peer's digest beside this node's own (rules 11 and 12): the bounds of time, of trust and of repetition. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import { MINUTE_MS } from '../../../src/words/time.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  errorIn,
  NOW,
  ofKind,
  originOf,
  type TestCore,
  testCore,
} from '../../support/cores.ts';

const [OWN, SECOND, THIRD] = [originOf(1), originOf(2), originOf(3)];
const OTHER_MAP = { mapSum: { high: 1, low: 1 } } as const;
const SKEW_MS = 10_000;

/** A member that is ready, beside two others on connections 2 and 3. */
function member(): TestCore {
  const node = testCore({ others: [SECOND, THIRD], settings: { maxClockSkewMs: SKEW_MS } });
  for (const [connection, origin] of [
    [2, SECOND],
    [3, THIRD],
  ] as const) {
    node.greet(connection, { origin });
    told(node, {}, connection);
  }
  node.tick();
  assert.is(node.core.phase, 'ready');
  return node;
}

/** The peer asks by the node's own digest, but for these fields. */
function told(node: TestCore, fields: Partial<Digest>, connection = 2): readonly Output[] {
  const digest = { ...digestOf(node.view), ...fields };
  return node.receive(connection, { type: 'digest', digest, re: 100 });
}

const agreement = (node: TestCore): boolean | null | undefined =>
  node.core.status().find(({ origin }) => origin === SECOND)?.agrees;

const comparison = suite('a digest beside our own');

comparison('a clock may be as far ahead as the setting says, and no millisecond more', () => {
  const node = member();
  const outputs = told(node, { clock: NOW + SKEW_MS, ...OTHER_MAP });
  assert.is(errorIn(outputs), undefined);
  assert.is(agreement(node), false, 'it is read');
  assert.is(errorIn(told(node, { clock: NOW + SKEW_MS + 1 }))?.code, 'clock');
});

comparison(
  'a map sum as of this very millisecond is compared, and one as of the past is not',
  () => {
    const node = member();
    const asOf = Math.ceil(NOW / MINUTE_MS);
    node.clock.nowMs = asOf * MINUTE_MS;
    told(node, { asOf, ...OTHER_MAP });
    assert.is(agreement(node), false);
    told(node, { asOf: asOf - 1 });
    assert.is(agreement(node), false, 'an equal one as of the past proves nothing either');
  },
);

comparison('a repair begins with the second difference in a row of maps of the same ops', () => {
  const node = member();
  const repairs = (fields: Partial<Digest>): number => ofKind(told(node, fields), 'repair').length;
  assert.equal([OTHER_MAP, {}, OTHER_MAP].map(repairs), [0, 0, 0]);
  assert.is(repairs({ vector: new Map([[OWN, 0]]) }), 0, 'it lacks ops, and may hold any map');
  assert.equal([OTHER_MAP, OTHER_MAP, OTHER_MAP].map(repairs), [0, 1, 1]);
});

comparison('a vector that is not exactly that of the peer says nothing about its map', () => {
  const node = member();
  const outputs = told(node, { ...OTHER_MAP, retiredSum: { high: 1, low: 1 } });
  assert.equal(ofKind(outputs, 'disagrees'), []);
  assert.is(agreement(node), true);
});

comparison(
  'only the node of a forked origin settles by its sum whose ops are the true ones',
  () => {
    const node = member();
    node.view.vector.set(THIRD, 1);
    const vector = new Map(node.view.vector);
    const same = digestWith(node.view, Object.fromEntries(vector));
    const forked = { ...same, sums: new Map([...same.sums, [THIRD, { high: 9, low: 9 }]]) };
    told(node, forked);
    assert.equal([...node.core.forked], [THIRD]);
    told(node, same);
    assert.equal([...node.core.forked], [THIRD], 'another node holds the same of them as this one');
    told(node, forked, 3);
    assert.equal([...node.core.forked], [THIRD]);
    told(node, same, 3);
    assert.equal([...node.core.forked], []);
  },
);

comparison('a fresh node takes over the horizon of the member that lets it in', () => {
  const node = testCore({ joined: false, settings: { url: 'http://one' } });
  node.greet(2, { origin: SECOND });
  const digest = { ...digestWith(node.view, { [SECOND]: 5 }), horizon: 3 };
  const outputs = node.receive(2, emptyAnswer(digest, true, node.pullNumber(2)));
  assert.equal(
    ofKind(outputs, 'horizon').map(({ horizon }) => horizon),
    [3],
  );
});

comparison('this node begins anew where a peer holds other ops of it, also of its past', () => {
  const node = testCore({ others: [SECOND] });
  node.greet(2, { origin: SECOND });
  node.view.vector.set(OWN, 3).set(SECOND, 1);
  const past = digestWith(node.view, { [OWN]: 2, [SECOND]: 1 });
  const sums = new Map([...past.vector.keys()].map((origin) => [origin, { high: 9, low: 9 }]));
  const outputs = told(node, { ...past, sums });
  assert.equal(
    outputs.map(({ kind }) => kind),
    ['horizon', 'rejoin'],
    'and says nothing after that',
  );
  const other = testCore({ others: [SECOND] });
  other.greet(2, { origin: SECOND });
  const [rejoin] = ofKind(other.step({ kind: 'differs', connection: 2, origin: OWN }), 'rejoin');
  assert.is(rejoin?.ownOps, 'forked');
});

comparison('not where it has written, and the peer holds just that', () => {
  const node = member();
  node.view.bornHere = 1;
  told(node, {});
  assert.is(node.core.doubt, null);
  told(node, { vector: new Map([[OWN, 2]]) });
  assert.match(node.core.doubt ?? '', /later ops of this very origin/);
});

comparison('only a difference of maps is counted', () => {
  const node = member();
  const counted = [{}, OTHER_MAP, {}].map(
    (fields) => ofKind(told(node, fields), 'disagrees').length,
  );
  assert.equal(counted, [0, 1, 0]);
});

comparison.run();
