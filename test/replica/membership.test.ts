/** Membership that a replica logs is decided in the commit that would bear it (rules 8 and 11). */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closingValue, memberValue } from '../../src/rules/members.ts';
import { closeOrigin } from '../support/closings.ts';
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
  const value = closingValue(members.describe(OTHER), 2, null);
  const ops = [closingOp(value)];
  await replica.receive({ ranges: [{ origin: THIRD, after: 0, to: 1, sum: sumOf(ops) }], ops });
  const { lastLsn } = replica;
  await membership.sayAgain({ kind: 'join', key: OTHER, value });
  assert.is(replica.lastLsn, lastLsn + 1);
});

saying('an op that differs in kind, member or content is logged beside it', async () => {
  const { replica } = await member();
  const { membership } = replica;
  const moved = memberValue('node2', 'http://node2');
  await membership.sayAgain({ kind: 'join', key: OTHER, value: VALUE });
  const { lastLsn } = replica;
  await membership.sayAgain({ kind: 'join', key: THIRD, value: VALUE });
  await membership.sayAgain({ kind: 'join', key: OTHER, value: moved });
  await membership.sayAgain({ kind: 'retire', key: OTHER, value: null });
  assert.is(replica.lastLsn, lastLsn + 3);
});

const commands = suite('commands about members (rule 8)');

/** How many rows the commands log. */
async function logged({ replica }: TestReplica, ...all: (() => Promise<void>)[]): Promise<number> {
  const { lastLsn } = replica;
  await Promise.all(all.map((command) => command()));
  return replica.lastLsn - lastLsn;
}

commands('a member is admitted once, and never after its retirement', async () => {
  const test = await member();
  const { membership } = test.replica;
  const admit = () => membership.admit(OTHER, VALUE);
  const retire = () => membership.retire(OTHER);
  assert.is(await logged(test, admit, admit), 1);
  assert.is(await logged(test, admit), 0);
  assert.is(await logged(test, retire, retire, admit), 1);
  assert.is(await logged(test, retire), 0);
  assert.is(await logged(test, admit), 0);
});

commands(
  'a node tells its name and URL only when they change, and while it is a member',
  async () => {
    const test = await member();
    const { membership, origin } = test.replica;
    const announce = (url: string | null) => () => membership.announce(memberValue('node1', url));
    assert.is(await logged(test, announce(null)), 0);
    assert.is(await logged(test, announce('http://node1')), 1);
    assert.is(await logged(test, announce('http://node1')), 0);
    await membership.retire(origin);
    assert.is(await logged(test, announce('http://moved')), 0);
  },
);

commands('a retired origin is closed once, and only at its last op', async () => {
  const test = await member();
  const { membership } = test.replica;
  const close = (lastSeq: number) => () => closeOrigin(test.replica, OTHER, lastSeq);
  assert.is(await logged(test, close(2)), 0, 'it is not retired');
  await membership.retire(OTHER);
  assert.is(await logged(test, close(1), close(3)), 0);
  assert.is(await logged(test, close(2), close(2)), 1);
  assert.is(await logged(test, close(2)), 0);
});

commands('beside the join of another origin in one commit an origin is closed', async () => {
  const test = await member();
  const { membership } = test.replica;
  await membership.retire(OTHER);
  const close = () => closeOrigin(test.replica, OTHER, 2);
  assert.is(await logged(test, () => membership.admit(THIRD, VALUE), close), 2);
});

commands('under a new origin a node retires the old one, if that was a member', async () => {
  const test = await member();
  const { membership, origin } = test.replica;
  const value = memberValue('node1', null);
  assert.is(await logged(test, () => membership.renewOrigin('node1.newone', value)), 2);
  assert.ok(test.replica.members.isRetired(origin));
  await membership.retire('node1.newone');
  assert.is(await logged(test, () => membership.renewOrigin('node1.another', value)), 1);
});

commands.run();
saying.run();
