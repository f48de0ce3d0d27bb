/** How the driver carries out the core's outputs over a transport whose other side the test plays. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Driver } from '../../../src/gossip/driver/driver.ts';
import { MAX_QUESTIONS } from '../../../src/gossip/driver/turns.ts';
import type { Message } from '../../../src/gossip/protocol/messages.ts';
import { memberValue } from '../../../src/rules/members.ts';
import {
  BrokenInvariantError,
  DamagedLogError,
  DiskFullError,
  StoppedError,
} from '../../../src/words/errors.ts';
import { helloOf } from '../../support/cores.ts';
import { deleting, deltaOf, openReplica, PEER, putting, turn } from '../../support/replicas.ts';
import {
  asideOf,
  CONNECTION,
  greet,
  member,
  OPENED,
  sameDigest,
  type Wire,
  wired,
} from './wired.ts';

const typesOf = (messages: readonly Message[]): string[] => messages.map(({ type }) => type);

const outputs = suite('what the driver sends and counts');

outputs('a peer gets a hello, and the digest of a pull is counted', async () => {
  const opened = await member();
  const wire = wired(opened);
  wire.event(OPENED);
  assert.equal([typesOf(wire.take()), wire.driver.counts.pulls], [['hello'], 0]);
  greet(wire, opened);
  assert.equal(typesOf(wire.take()), ['hello', 'digest']);
  assert.is(wire.driver.counts.pulls, 1);
});

outputs(
  'a peer that reads nothing is told who speaks and why it is refused, and no more',
  async () => {
    const opened = await member();
    const wire = wired(opened);
    wire.buffered.bytes = Number.MAX_SAFE_INTEGER;
    greet(wire, opened);
    wire.say({ ...helloOf('other.bbbbbb'), cluster: 'another' });
    assert.equal(typesOf(wire.take()), ['hello', 'error']);
    assert.is(wire.driver.counts.answersShed, 1);
  },
);

outputs(
  'questions about lost ops wait for one another, and answers to own questions do not',
  async () => {
    const opened = await member();
    const wire = wired(opened);
    greet(wire, opened);
    for (let re = 1; re <= MAX_QUESTIONS + 3; re++)
      wire.say({ type: 'judge', re, held: new Map(), base: new Map(), after: 0 });
    const { answersShed } = wire.driver.counts;
    assert.is(answersShed, 3);
    const judged = { ops: [], next: null, complete: true, cutAt: null, includesBase: true };
    for (let re = 1; re <= MAX_QUESTIONS + 3; re++) wire.say({ type: 'judged', re, ...judged });
    assert.is(wire.driver.counts.answersShed, answersShed);
    await turn();
    assert.ok(typesOf(wire.take()).includes('judged'));
  },
);

outputs('a member that compares maps is answered', async () => {
  const opened = await member();
  const wire = wired(opened);
  greet(wire, opened);
  wire.take();
  wire.say({ type: 'compare', asOf: 1, buckets: 1, bucket: null, re: 3 });
  await turn();
  assert.equal(typesOf(wire.take()), ['compared']);
});

outputs('over a connection that was never opened, or has ended, nothing is heard', async () => {
  const opened = await member();
  const wire = wired(opened);
  wire.say(helloOf(PEER));
  greet(wire, opened);
  wire.event({ kind: 'closed', connection: CONNECTION, reason: 'it broke' });
  wire.take();
  wire.say({ type: 'digest', digest: sameDigest(opened), re: 1 });
  await turn();
  assert.equal([wire.take(), wire.closed, wire.failures], [[], [], []]);
});

outputs('a driver that is stopped dials nobody', async () => {
  const opened = await member();
  const wire = wired(opened, { urls: ['http://two'] });
  await wire.driver.stop();
  wire.driver.tick();
  assert.equal(wire.dialled, []);
});

outputs('while the log is changed nobody is greeted, and nobody dialled', async () => {
  const opened = await member();
  const exchanging = Promise.withResolvers<never>();
  const wire = wired(opened, {
    urls: ['http://two'],
    logs: { exchange: () => exchanging.promise },
  });
  await opened.replica.membership.retire(opened.replica.origin);
  wire.driver.tick();
  wire.event(OPENED);
  wire.driver.tick();
  assert.equal([typesOf(wire.take()), wire.dialled], [[], []]);
  assert.equal(wire.closed, ['the node goes on under another origin']);
});

outputs('a question by the hash of a digest is a pull as well', async () => {
  const opened = await member();
  const wire = wired(opened);
  greet(wire, opened);
  const [question] = wire.take().filter(({ type }) => type === 'digest');
  assert.ok(question?.type === 'digest');
  wire.say({ type: 'same', clock: opened.replica.nowMs(), re: question.re ?? 0 });
  await turn();
  opened.clock.nowMs += 2000;
  wire.driver.tick();
  assert.equal(typesOf(wire.take()), ['level']);
  assert.is(wire.driver.counts.pulls, 2);
});

outputs('nothing is collected before what was set aside is offered', async () => {
  for (const isOffered of [false, true]) {
    const opened = await openReplica();
    const { replica, clock } = opened;
    await replica.membership.form('the cluster', memberValue('node1', null));
    await replica.submit([putting('a'), deleting('a')]);
    const openAside = async () => {
      if (!isOffered) throw new DiskFullError();
      return null;
    };
    const wire = wired(opened, { setAside: [asideOf()], logs: { openAside } });
    for (let ticks = 0; ticks < 20; ticks++) {
      clock.nowMs += 250;
      wire.driver.tick();
      await turn();
    }
    const { owesOffers, counts } = wire.driver;
    assert.equal([owesOffers, counts.collected > 0], [!isOffered, isOffered]);
  }
});

outputs.run();

const offers = suite('offers of the driver');

offers('nothing is offered before the node is ready, and then it is tried again', async () => {
  const opened = await member();
  const { replica, clock, log } = opened;
  let opens = 0;
  const openAside = async () => {
    opens++;
    return null;
  };
  const wire = wired(opened, { setAside: [asideOf()], urls: ['http://two'], logs: { openAside } });
  wire.driver.tick();
  await turn();
  assert.equal([wire.driver.phase, opens], ['starting', 0]);
  for (let ticks = 0; ticks < 45 && wire.driver.phase !== 'ready'; ticks++) {
    clock.nowMs += 250;
    if (ticks > 38) log.failNextAppend('full');
    wire.driver.tick();
  }
  assert.is(wire.driver.phase, 'ready');
  await turn();
  assert.equal([opens, wire.driver.owesOffers], [1, true]);
  clock.nowMs += 1000;
  wire.driver.tick();
  await turn();
  assert.is(opens, 1, 'it is not due yet');
  clock.nowMs += 1000;
  wire.driver.tick();
  for (let turns = 0; turns < 20 && wire.driver.owesOffers; turns++) await turn();
  assert.equal([opens, wire.driver.owesOffers], [2, false]);
  assert.is(replica.map.head('a')?.version, 7);
});

offers.run();

const faults = suite('failures of what the driver does');

/** A node that is alone and ready, and tells its new URL: the op fails by that error. */
async function failing(error: unknown, meanwhile = async (_: Driver) => {}): Promise<Wire> {
  const opened = await openReplica();
  await opened.replica.membership.form('the cluster', memberValue('node1', null));
  const wire = wired(opened, { url: 'http://one' });
  const announced = Promise.withResolvers<never>();
  opened.replica.membership.announce = () => announced.promise;
  for (let ticks = 0; ticks < 12; ticks++) {
    wire.driver.tick();
    opened.clock.nowMs += 250;
  }
  assert.is(wire.driver.phase, 'ready');
  wire.notes.splice(0);
  await meanwhile(wire.driver);
  announced.reject(error);
  await turn();
  return wire;
}

faults('a log that is damaged is set aside', async () => {
  const wire = await failing(new DamagedLogError('the test log', 'it is broken', 1));
  assert.equal([wire.driver.counts.rejoins, wire.failures], [1, []]);
});

faults('a full disk is told by the health alone', async () => {
  const wire = await failing(new DiskFullError());
  assert.equal([wire.notes, wire.failures, wire.driver.counts.rejoins], [[], [], 0]);
});

faults('a refusal is told in the log of the node, once in a while', async () => {
  const error = new StoppedError();
  const wire = await failing(error);
  assert.equal([wire.notes, wire.failures], [[error.message], []]);
});

faults('any other failure stops the node, as a broken invariant does', async () => {
  for (const error of [new Error('a mistake'), new BrokenInvariantError('a mistake')]) {
    const wire = await failing(error);
    assert.equal([wire.notes, wire.failures], [[], wire.failures.map(() => error)]);
    assert.ok(wire.failures.length > 0);
  }
});

faults('failures of a driver that is stopped are of no account', async () => {
  const wire = await failing(new Error('a mistake'), (driver) => driver.stop());
  assert.equal([wire.notes, wire.failures], [[], []]);
});

/** A member that takes a delta of its peer, and fails by that error. */
async function taking(error: unknown): Promise<Wire> {
  const opened = await member();
  const wire = wired(opened);
  opened.replica.receive = () => Promise.reject(error);
  greet(wire, opened);
  wire.say({ type: 'delta', delta: deltaOf(0, 1), answer: null });
  await turn();
  return wire;
}

faults('a delta that can not be handled ends the connection of its sender alone', async () => {
  const wire = await taking(new Error('a mistake'));
  assert.equal([wire.failures, wire.closed.length], [[], 1]);
  assert.match(wire.notes.join(), /could not be handled, and it is let go: a mistake/);
  assert.is(wire.driver.conduct.faults.exception, 1);
});

faults('a broken invariant stops the node, whoever sent the delta', async () => {
  const error = new BrokenInvariantError('a mistake');
  const wire = await taking(error);
  assert.equal([wire.failures, wire.closed], [[error], []]);
});

faults('so it is with what is done at once', async () => {
  for (const [error, failures, closed] of [
    [new Error('a mistake'), 0, 1],
    [new BrokenInvariantError('a mistake'), 1, 0],
  ] as const) {
    const opened = await member();
    const wire = wired(opened);
    opened.replica.forgetting.raiseHorizon = () => {
      throw error;
    };
    greet(wire, opened);
    wire.say({ type: 'digest', digest: sameDigest(opened), re: 1 });
    await turn();
    assert.equal([wire.failures.length, wire.closed.length], [failures, closed]);
  }
});

faults.run();
