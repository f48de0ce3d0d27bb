/** The lives of a log: its members, the origins that it goes on under, and another log in its place. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memberValue } from '../../src/rules/members.ts';
import { StoppedError } from '../../src/words/errors.ts';
import { NO_FACTS } from '../../src/words/row.ts';
import {
  deleting,
  openReplica,
  PEER,
  putting,
  stateOf,
  type TestReplica,
  turn,
} from '../support/replicas.ts';

const ORIGIN = 'node1.aaaaaa';
const NEW_ORIGIN = 'node1.zzzzzz';
const NOW = 1_795_000_000_000;

/** The replica that a restart after a crash finds. */
const afterCrash = ({ log, clock }: TestReplica): Promise<TestReplica> =>
  openReplica({ stored: log.crash('lost'), nowMs: clock.nowMs });

const members = suite('members in the log (rule 8)');

const kindsOf = ({ log }: TestReplica): string[] =>
  log.stored().rows.map(({ op }) => `${op.kind} ${op.key} by ${op.origin}/${op.seq}`);

members('a member is logged once, and a retired one not again', async () => {
  const test = await openReplica();
  const { replica } = test;
  await replica.membership.admit(PEER, memberValue('node2', 'http://two'));
  await replica.membership.admit(PEER, memberValue('node2', 'http://elsewhere'));
  await replica.membership.retire(PEER);
  await replica.membership.retire(PEER);
  await replica.membership.admit(PEER, memberValue('node2', 'http://two'));
  assert.equal(kindsOf(test), [`join ${PEER} by ${ORIGIN}/1`, `retire ${PEER} by ${ORIGIN}/2`]);
  assert.equal([replica.members.has(PEER), replica.members.isRetired(PEER)], [false, true]);
});

members('joins and retires change no key, and show no key', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting(PEER)]);
  await replica.membership.admit(PEER, memberValue('node2', null));
  await replica.membership.retire(PEER);
  assert.is(replica.map.size, 1);
  assert.is(replica.get(PEER).kind, 'found');
});

members('a cluster is formed by its first member, whose first op is its own join', async () => {
  const test = await openReplica();
  const { replica } = test;
  await replica.membership.form('the cluster', memberValue('node1', 'http://one'));
  assert.equal(kindsOf(test), [`join ${ORIGIN} by ${ORIGIN}/1`]);
  for (const { header } of [replica, (await afterCrash(test)).replica]) {
    assert.is(header.clusterId, 'the cluster');
    assert.equal(header.facts, { ...NO_FACTS, joined: true, formedAtMs: NOW });
  }
});

members('who is let in remembers the cluster and its sponsor, and logs nothing', async () => {
  const test = await openReplica();
  const { replica } = test;
  await replica.membership.welcome('the cluster', PEER, 123);
  assert.equal(kindsOf(test), []);
  for (const { header } of [replica, (await afterCrash(test)).replica]) {
    assert.is(header.clusterId, 'the cluster');
    assert.equal(header.facts, { ...NO_FACTS, joined: true, admittedBy: PEER, formedAtMs: 123 });
  }
});

members('members are the same after a restart', async () => {
  const test = await openReplica();
  await test.replica.membership.form('the cluster', memberValue('node1', 'http://one'));
  await test.replica.membership.admit(PEER, memberValue('node2', 'http://two'));
  await test.replica.membership.retire(ORIGIN);
  const { replica } = await afterCrash(test);
  assert.equal([...replica.members.all()], [...test.replica.members.all()]);
  assert.equal(replica.members.retiredAfter(0), test.replica.members.retiredAfter(0));
  assert.equal(replica.members.retires, test.replica.members.retires);
});

members.run();

const renewals = suite('a new origin (rules 5 and 12)');

renewals('its first ops are its own join and the retire of the old one', async () => {
  const test = await openReplica();
  const { replica } = test;
  await replica.membership.form('the cluster', memberValue('node1', null));
  await replica.submit([putting('a')]);
  await replica.membership.renewOrigin(NEW_ORIGIN, memberValue('node1', null));
  assert.is(replica.origin, NEW_ORIGIN);
  assert.equal(kindsOf(test).slice(2), [
    `join ${NEW_ORIGIN} by ${NEW_ORIGIN}/1`,
    `retire ${ORIGIN} by ${NEW_ORIGIN}/2`,
  ]);
  assert.equal([replica.members.has(NEW_ORIGIN), replica.members.isRetired(ORIGIN)], [true, true]);
  assert.is(replica.get('a').kind, 'found');
  assert.is(replica.header.facts.admittedBy, ORIGIN);
});

renewals('writes go on under it, also those of the same commit and after a restart', async () => {
  const test = await openReplica();
  const { replica } = test;
  await replica.membership.form('the cluster', memberValue('node1', null));
  const renewed = replica.membership.renewOrigin(NEW_ORIGIN, memberValue('node1', null));
  const [outcome] = await replica.submit([putting('a')]);
  await renewed;
  assert.is(
    outcome?.kind === 'stored' && `${outcome.op.origin}/${outcome.op.seq}`,
    `${NEW_ORIGIN}/3`,
  );
  const { replica: reopened } = await afterCrash(test);
  assert.equal(stateOf(reopened), stateOf(replica));
  await reopened.submit([putting('b')]);
  assert.is(reopened.record(NEW_ORIGIN).seq, 4);
  assert.is(reopened.record(ORIGIN).seq, 1);
});

renewals('an origin that was no member is not retired', async () => {
  const test = await openReplica();
  await test.replica.membership.renewOrigin(NEW_ORIGIN, memberValue('node1', null));
  assert.equal(kindsOf(test), [`join ${NEW_ORIGIN} by ${NEW_ORIGIN}/1`]);
});

renewals('that one is due is remembered over a restart, until it was done', async () => {
  const test = await openReplica();
  test.replica.membership.markForNewOrigin();
  await test.replica.submit([putting('a')]);
  const next = await afterCrash(test);
  assert.is(next.replica.header.facts.owesOrigin, true);
  await next.replica.membership.renewOrigin(NEW_ORIGIN, memberValue('node1', null));
  assert.is((await afterCrash(next)).replica.header.facts.owesOrigin, false);
});

renewals.run();

const adoptions = suite('another log in place (rule 12)');

adoptions('a replica that adopts a log is as one that was opened on it', async () => {
  const { replica, log } = await openReplica();
  await replica.membership.form('the cluster', memberValue('node1', null));
  await replica.submit([putting('a'), deleting('b')]);
  replica.forgetting.raiseHorizon(7);
  const other = await openReplica({ nodeId: 'node3' });
  await other.replica.submit([putting('c')]);
  await other.replica.membership.admit(PEER, memberValue('node2', null));
  const stored = other.log.crash('lost');
  let replaced = 0;
  replica.onReplaced(() => replaced++);
  await replica.suspend();
  await log.close();
  const adopted = await openReplica({ nodeId: 'node3', stored });
  await replica.adopt(adopted.log);
  assert.equal(stateOf(replica), stateOf(adopted.replica));
  assert.equal([...replica.members.all()], [...adopted.replica.members.all()]);
  assert.equal([replica.bornHere, replica.openedAtSeq, replaced], [0, 2, 1]);
  const [outcome] = await replica.submit([putting('d')]);
  assert.is(
    outcome?.kind === 'stored' && `${outcome.op.origin}/${outcome.op.seq}`,
    'node3.aaaaaa/3',
  );
});

adoptions('between the two logs nothing is taken, and what waited is refused', async () => {
  const { replica, holdDisk } = await openReplica();
  const release = holdDisk();
  const underWay = replica.submit([putting('a')]);
  await turn();
  const waiting = replica.submit([putting('b')]).catch((error: unknown) => error);
  const suspended = replica.suspend();
  const late = replica.submit([putting('c')]).catch((error: unknown) => error);
  release();
  await suspended;
  assert.is((await underWay)[0]?.kind, 'stored');
  assert.instance(await waiting, StoppedError);
  assert.instance(await late, StoppedError);
});

adoptions(
  'a fact of the old log that was not written yet does not get into the new one',
  async () => {
    const { replica } = await openReplica();
    replica.forgetting.raiseHorizon(7);
    replica.membership.markForNewOrigin();
    await replica.suspend();
    const fresh = await openReplica({ nodeId: 'node3' });
    await replica.adopt(fresh.log);
    await replica.submit([putting('a')]);
    const { header } = fresh.log.stored();
    assert.equal([header.horizon, header.facts.owesOrigin], [0, false]);
  },
);

adoptions.run();
