/** Rows that were born elsewhere or earlier are no swapped rows, in whatever order they came. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoredLog } from '../../../src/log/memory.ts';
import { verify } from '../../../src/log/tools/verify.ts';
import { MAX_HLC_AHEAD_MS } from '../../../src/words/hlc.ts';
import type { Op } from '../../../src/words/op.ts';
import { put, sumOf } from '../../support/ops.ts';
import { openReplica, putting, type TestReplica } from '../../support/replicas.ts';
import { MemorySource } from './memorySource.ts';

const NOW = 1_795_000_000_000;
const CLUSTER = ['the cluster', '{"nodeId":"node1","url":null}'] as const;
const PEER = 'node2.bbbbbb';

const births = suite('verify of rows that were not born in their place');

async function faultsOf(stored: StoredLog): Promise<string[]> {
  const { findings } = await verify(new MemorySource(stored, NOW), { aheadMs: 60_000 });
  return findings.map(({ text }) => text);
}

/** Takes in ops that follow those held of their origin. */
async function take({ replica }: TestReplica, ops: readonly Op[], held: readonly Op[] = []) {
  const [first] = ops;
  if (first === undefined) throw new Error('There is nothing to take.');
  const { origin, seq } = first;
  const sum = sumOf([...held, ...ops]);
  const ranges = [{ origin, after: seq - 1, to: seq - 1 + ops.length, sum }];
  assert.equal(await replica.receive({ ranges, ops }), { kind: 'applied', ops: ops.length });
}

/** A log of this node that lacked its last two ops, until it got them back after a later op of the peer. */
async function givenBack(bornMs: number, givenBackMs: number): Promise<TestReplica> {
  const before = await openReplica({ nowMs: bornMs });
  await before.replica.membership.form(...CLUSTER);
  const older = before.log.stored();
  await before.replica.submit([putting('a'), putting('b')]);
  const own = before.log.stored().rows.map(({ op }) => op);

  const after = await openReplica({ stored: older, nowMs: givenBackMs });
  await take(after, [put({ origin: PEER, seq: 1, key: 'c', hlc: (bornMs + 1000) * 1000 })]);
  await take(after, own.slice(1), own.slice(0, 1));
  return after;
}

births('ops that peers give back to an older log of this node are written down', async () => {
  // The clock was ahead, so that it does not show that the ops were born earlier.
  const { replica, log } = await givenBack(NOW + 10_000, NOW);
  const { origin } = replica;
  assert.equal(replica.header.facts.offered, { origin, from: 2, to: 3 });
  assert.equal(await faultsOf(log.stored()), []);
  await replica.submit([putting('d')]);
  assert.equal(await faultsOf(log.stored()), []);
});

births('versions up to 0.5 did not write them down, and the clock shows them', async () => {
  const { log } = await givenBack(NOW, NOW + 5000);
  const { header, ...stored } = log.stored();
  const facts = { ...header.facts, offered: null };
  assert.equal(await faultsOf({ ...stored, header: { ...header, facts } }), []);
});

births('ops after one that is stamped more than a day ahead', async () => {
  const test = await openReplica({ nowMs: NOW });
  await test.replica.membership.form(...CLUSTER);
  const hlc = (NOW + MAX_HLC_AHEAD_MS + 1000) * 1000;
  await take(test, [put({ origin: PEER, seq: 1, key: 'c', hlc })]);
  await test.replica.submit([putting('a')]);
  assert.equal(await faultsOf(test.log.stored()), []);
});

/** A log that began with a snapshot of two puts of one key; only the second one is an entry of the sender. */
async function begunWithSnapshot(): Promise<StoredLog> {
  const { replica, log } = await openReplica({ nowMs: NOW });
  const ops = [1, 2].map((seq) => put({ origin: PEER, seq, key: 'a', version: seq }));
  const rows = ops.map((op) => ({ op, isEntry: op.version === 2 }));
  assert.ok(await replica.incomingSnapshot.takeRows(rows));
  const sums = new Map([[PEER, sumOf(ops)]]);
  const end = { vector: new Map([[PEER, 2]]), sums, reach: new Map(), horizon: 0 };
  assert.ok(await replica.incomingSnapshot.finish(end));
  return log.stored();
}

births(
  'a row of a snapshot that was no entry of its sender has not won, whatever came before it',
  async () => {
    const stored = await begunWithSnapshot();
    assert.equal(
      stored.rows.map(({ won }) => won),
      [false, true],
    );
    assert.equal(await faultsOf(stored), []);
    const { header } = stored;
    const unlike = { ...stored, header: { ...header, facts: { ...header.facts, snapshot: null } } };
    assert.match(String(await faultsOf(unlike)), /marked as beaten when it came/);
  },
);

births.run();
