/** The parts of a driver know one another as they should: whom each may trust, and when. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memberValue } from '../../../src/rules/members.ts';
import type { Tracer } from '../../../src/words/trace.ts';
import { deltaOf, PEER, turn } from '../../support/replicas.ts';
import { asideOf, CONNECTION, greet, member, OPENED, sameDigest, wired } from './wired.ts';

const parts = suite('the parts of a driver');

parts('a pull that brought ops is traced, and one that brought none is not', async () => {
  const spans: unknown[] = [];
  const tracer: Tracer = {
    isOn: true,
    begin: ({ name, facts }) => ({
      traceId: null,
      traceParent: null,
      end: () => spans.push([name, facts]),
    }),
  };
  const opened = await member();
  const wire = wired(opened, { tracer });
  greet(wire, opened);
  const [question] = wire.take().filter(({ type }) => type === 'digest');
  assert.ok(question?.type === 'digest');
  const answer = { digest: sameDigest(opened), more: true };
  wire.say({ type: 'delta', delta: deltaOf(0, 2), answer, re: question.re });
  for (let turns = 0; turns < 5; turns++) await turn();
  const pulled = ['hearsay.pull', { 'hearsay.peer.origin': PEER, 'hearsay.ops': 2 }];
  assert.equal(spans, [pulled]);
  const [next] = wire.take().filter(({ type }) => type === 'digest');
  assert.ok(next?.type === 'digest');
  const nothing = { ranges: [], ops: [] };
  const over = { digest: sameDigest(opened), more: false };
  wire.say({ type: 'delta', delta: nothing, answer: over, re: next.re });
  wire.say({ type: 'delta', delta: deltaOf(2, 3), answer: null });
  for (let turns = 0; turns < 5; turns++) await turn();
  assert.is(wire.driver.counts.opsReceived, 3);
  assert.equal(spans, [pulled]);
});

parts('peers are asked to confirm, but not while the log is changed', async () => {
  const opened = await member();
  const wire = wired(opened, { logs: { exchange: () => new Promise(() => {}) } });
  greet(wire, opened);
  wire.take();
  wire.driver.ask();
  await Promise.resolve();
  assert.equal(
    wire.take().map(({ type }) => type),
    ['confirm'],
  );
  wire.driver.ask();
  await opened.replica.membership.retire(opened.replica.origin);
  wire.driver.ask();
  wire.driver.tick();
  await turn();
  assert.is(wire.take().filter(({ type }) => type === 'confirm').length, 1, 'before the change');
});

parts(
  'whoever is reached at a configured URL, or at that of a member, is refused there',
  async () => {
    for (const [dialledUrl, isNamed] of [
      ['http://configured', true],
      ['http://member', true],
      ['http://stranger', false],
      [null, false],
    ] as const) {
      const opened = await member();
      await opened.replica.membership.admit('node3.cccccc', memberValue('node3', 'http://member'));
      const wire = wired(opened, { urls: ['http://configured'] });
      for (let times = 0; times < 3; times++) {
        const connection = CONNECTION + times;
        wire.event({ ...OPENED, connection, dialledUrl });
        wire.event({ kind: 'message', connection, text: 'no message' });
      }
      const [refusal] = wire.driver.refusals();
      assert.is(refusal?.name === `Somebody at ${dialledUrl}`, isNamed, `${dialledUrl}`);
    }
  },
);

parts('a log that was set aside is settled once another member holds its offers', async () => {
  const opened = await member();
  const wire = wired(opened, { setAside: [asideOf()] });
  const { replica, clock } = opened;
  const ticks = async (): Promise<string | null> => {
    for (let count = 0; count < 60; count++) {
      clock.nowMs += 250;
      wire.driver.tick();
      await turn();
    }
    return replica.header.facts.settledLog;
  };
  assert.is(await ticks(), null);
  assert.is(wire.driver.owesOffers, false);
  greet(wire, opened);
  const { seq, sum } = replica.record(replica.origin);
  wire.say({ type: 'confirmed', seq, sum });
  assert.is(wire.driver.count(seq), 1);
  assert.is(await ticks(), 'old');
});

parts('a change that fails stops the node, unless it is being stopped', async () => {
  for (const isStopped of [false, true]) {
    const opened = await member();
    const failing = Promise.withResolvers<never>();
    const wire = wired(opened, { logs: { exchange: () => failing.promise } });
    await opened.replica.membership.retire(opened.replica.origin);
    wire.driver.tick();
    await turn();
    const stopping = isStopped ? wire.driver.stop() : null;
    const mistake = new Error('a mistake');
    failing.reject(mistake);
    await stopping;
    await turn();
    assert.equal(wire.failures, isStopped ? [] : [mistake]);
  }
});

parts.run();
