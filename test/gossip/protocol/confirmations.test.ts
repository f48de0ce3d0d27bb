/** Ops of this node that others hold: by their own words, and by certificates (rules 6 and 9). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memberValue } from '../../../src/rules/members.ts';
import {
  digestWith,
  helloOf,
  NOW,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, TWO, THREE, FOUR] = [1, 2, 3, 4].map(originOf) as [string, string, string, string];
const NOTHING = { kind: 'applied', ops: 0 } as const;

const confirmations = suite('confirmations');

confirmations(
  'a peer that asks is told once this node holds its op, with its sum, and once',
  () => {
    const node = testCore({ others: [TWO] });
    node.greet(1, helloOf(TWO));
    const holding = (seq: number) => {
      node.view.vector.set(TWO, seq);
      const taken = { connection: 1, outcome: NOTHING, pull: null, more: false } as const;
      return sent(node.step({ kind: 'taken', ...taken }), 'confirmed').map(
        ({ message }) => message,
      );
    };
    assert.equal(holding(5), []);
    assert.equal(sent(node.receive(1, { type: 'confirm', seq: 7 }), 'confirmed'), []);
    assert.equal(holding(6), []);
    assert.equal(holding(7), [{ type: 'confirmed', seq: 7, sum: { high: 0, low: 7 } }]);
    assert.equal(holding(8), []);
  },
);

confirmations('two nodes that share a name count as two where their joins name two URLs', () => {
  const twin = 'node2.bbbbbb';
  const node = testCore();
  for (const [seq, key] of [TWO, twin].entries())
    node.view.members.fold(membership({ seq, key, value: memberValue('node2', `http://${seq}`) }));
  for (const [connection, origin] of [TWO, twin].entries()) {
    node.greet(connection, helloOf(origin));
    node.receive(connection, { type: 'confirmed', seq: 1, sum: { high: 0, low: 1 } });
  }
  assert.is(node.core.acks(1), 2);
});

/** A member of four beyond a mesh limit of two, with links to two of the others, whose last op is its fourth. */
function meshed(): TestCore {
  const node = testCore({ others: [TWO, THREE, FOUR], settings: { meshLimit: 2 } });
  node.view.vector.set(OWN, 4);
  for (const [connection, origin] of [TWO, THREE].entries())
    node.greet(connection, helloOf(origin));
  return node;
}

const certify = (node: TestCore, id: string, origin: string) =>
  node.receive(1, {
    type: 'certificate',
    id,
    report: {
      min: new Map([[OWN, 4]]),
      max: new Map([[OWN, 4]]),
      clock: NOW,
      members: new Set([origin]),
    },
  });

confirmations('certificates count one after another, for all that they name', () => {
  const node = meshed();
  node.receive(0, { type: 'confirmed', seq: 4, sum: { high: 0, low: 4 } });
  certify(node, 'a', FOUR);
  certify(node, 'b', THREE);
  assert.is(node.core.acks(4), 3);
});

confirmations(
  'a digest without a sum shows that its sender holds an op, and nothing for certificates',
  () => {
    const node = meshed();
    const digest = digestWith(node.view, { [OWN]: 4 });
    node.receive(0, { type: 'digest', digest: { ...digest, sums: new Map() }, re: 1 });
    assert.is(node.core.acks(4), 1);
    certify(node, 'a', FOUR);
    assert.is(node.core.acks(4), 1);
  },
);

confirmations.run();
