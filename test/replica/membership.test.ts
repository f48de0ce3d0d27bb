/** Membership that a replica logs is decided in the commit that would bear it (rules 8 and 11). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closingValue, memberValue } from '../../src/rules/members.ts';
import { history, membership as membershipOp, sumOf } from '../support/ops.ts';
import { openReplica, type TestReplica } from '../support/replicas.ts';

const [OTHER, THIRD] = ['node2.bbbbbb', 'node3.cccccc'];
const VALUE = memberValue('node2', null);

/** A member that holds two ops of another origin. */
async function member(): Promise<TestReplica> {
  const test = await openReplica();
  await test.replica.membership.form('the cluster', memberValue('node1', null));
  const ops = history(OTHER, 1, 2);
  await test.replica.receive({
    ranges: [{ origin: OTHER, after: 0, to: 2, sum: sumOf(ops) }],
    ops,
  });
  return test;
}

const closingOp = (value: string) => membershipOp({ key: OTHER, origin: THIRD, value });

const saying = suite('joins and retirements of a forked origin, logged again (rule 11)');

saying('it is logged under this node’s own origin, and once', async () => {
  const { replica } = await member();
  const said = { kind: 'retire', key: OTHER, value: null } as const;
  await replica.membership.retire(OTHER);
  const { lastLsn } = replica;
  await replica.membership.sayAgain(said);
  assert.is(replica.lastLsn, lastLsn, 'this node has said it already');
  const join = { kind: 'join', key: THIRD, value: VALUE } as const;
  await Promise.all([replica.membership.sayAgain(join), replica.membership.sayAgain(join)]);
  await replica.membership.sayAgain(join);
  assert.is(replica.lastLsn, lastLsn + 1);
  const last = replica.members.ops().at(-1);
  assert.equal([last?.origin, last?.kind, last?.key], [replica.origin, 'join', THIRD]);
});

saying('a join is not, where its origin is retired by then, and a closing is', async () => {
  const { replica } = await member();
  const { membership, members } = replica;
  await Promise.all([
    membership.retire(OTHER),
    membership.sayAgain({ kind: 'join', key: OTHER, value: VALUE }),
  ]);
  assert.equal(
    members.ops().map(({ kind }) => kind),
    ['join', 'retire'],
  );
  const value = closingValue(members.describe(OTHER), 2);
  const ops = [closingOp(value)];
  await replica.receive({ ranges: [{ origin: THIRD, after: 0, to: 1, sum: sumOf(ops) }], ops });
  const { lastLsn } = replica;
  await membership.sayAgain({ kind: 'join', key: OTHER, value });
  assert.is(replica.lastLsn, lastLsn + 1);
});

saying.run();
