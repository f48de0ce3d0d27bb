/** Rule 6: the state that a replica derives from its log, and what an opening believes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryLog } from '../../src/log/memory.ts';
import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { Replica } from '../../src/replica/replica.ts';
import { memberValue } from '../../src/rules/members.ts';
import type { Delta } from '../../src/words/delta.ts';
import { DamagedLogError, HearsayError } from '../../src/words/errors.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import type { Op } from '../../src/words/op.ts';
import { checkpointerOf } from '../support/checkpoints.ts';
import { closeOrigin } from '../support/closings.ts';
import { newEntries } from '../support/entries.ts';
import { membership, sumOf, tombstone } from '../support/ops.ts';
import { deltaOf, openReplica, PEER, putting, turn } from '../support/replicas.ts';

const openings = suite('what an opening makes of an error');

openings('damage without a checkpoint is damage, and nothing is read twice', async () => {
  const { replica, log } = await openReplica();
  await replica.submit([putting('a'), putting('b')]);
  const stored = log.stored();
  const rows = stored.rows.slice(1);
  const notes: string[] = [];
  const opening = {
    checkpoints: new MemoryCheckpoints(),
    note: (_level: string, text: string) => notes.push(text),
    onProgress: () => {},
  };
  await openReplica({ stored: { ...stored, rows }, opening }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, DamagedLogError),
  );
  assert.is(notes.length, 1);
  assert.match(notes[0] ?? '', /there is no checkpoint/);
});

openings("a log that can't be read says nothing against its checkpoint", async () => {
  const { replica, log } = await openReplica();
  await replica.submit([putting('a'), putting('b')]);
  const checkpoints = new MemoryCheckpoints();
  await checkpointerOf(replica, checkpoints).run();
  const broken = new MemoryLog({
    clusterName: 'hearsay',
    newOrigin: () => 'node1.aaaaaa',
    stored: log.stored(),
    readDelay: () => Promise.reject(new HearsayError('the disk is gone')),
  });
  const opened = Replica.open({
    nodeId: 'node1',
    log: broken,
    place: 'the test log',
    clock: () => 0,
    limits: defaultLimits,
    entries: newEntries(),
    opening: {
      checkpoints,
      note: (_level, text) => assert.unreachable(text),
      onProgress: () => {},
    },
  });
  await opened.then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /the disk is gone/),
  );
  assert.ok(checkpoints.stored);
});

openings.run();

const OTHER = 'node3.cccccc';

/** A delta of ops of `OTHER`, which begins with them. */
const deltaOfOther = (ops: readonly Op[]): Delta => ({
  ranges: [{ origin: OTHER, after: 0, to: ops.length, sum: sumOf(ops) }],
  ops,
});

const retired = suite('retired origins in the state');

retired('their sum is null until one of them has an op', async () => {
  const { replica, log } = await openReplica();
  await replica.membership.retire(PEER);
  assert.is(replica.retiredSum, null);
  await replica.receive(deltaOf(0, 3));
  assert.equal(replica.retiredSum, replica.record(PEER).sum);
  await replica.receive(deltaOf(3, 4));
  assert.equal(replica.retiredSum, replica.record(PEER).sum);
  const again = await openReplica({ stored: log.stored() });
  assert.equal(again.replica.retiredSum, replica.record(PEER).sum);
});

retired('a second retire of an origin, and a join of another, change no sum', async () => {
  const { replica } = await openReplica();
  await replica.receive(deltaOf(0, 3));
  await replica.membership.admit(PEER, memberValue('node2', null));
  assert.is(replica.retiredSum, null);
  await replica.membership.retire(PEER);
  const again = membership({ origin: OTHER, seq: 1, kind: 'retire', key: PEER });
  await replica.receive(deltaOfOther([again]));
  assert.equal(replica.retiredSum, replica.record(PEER).sum);
});

retired('an origin without an op, as the end of a snapshot may list it, has no sum', async () => {
  const { replica } = await openReplica({ nodeId: 'node9' });
  const op = membership({ origin: OTHER, seq: 1, kind: 'retire', key: PEER });
  await replica.incomingSnapshot.takeRows([{ op, isEntry: false }]);
  const vector = new Map([
    [OTHER, 1],
    [PEER, 0],
  ]);
  const sums = new Map([[OTHER, sumOf([op])]]);
  await replica.incomingSnapshot.finish({ vector, sums, reach: new Map(), horizon: 0 });
  assert.equal([replica.members.isRetired(PEER), replica.retiredSum], [true, null]);
  await replica.receive(deltaOf(0, 3));
  assert.equal(replica.retiredSum, replica.record(PEER).sum);
});

retired('the time of the last retire is told, whatever is committed later', async () => {
  const { replica, log, clock } = await openReplica();
  assert.is(replica.retiredAtMs, null);
  await replica.membership.retire(PEER);
  const retiredAtMs = clock.nowMs;
  clock.nowMs += 1000;
  await replica.membership.admit(OTHER, memberValue('node3', null));
  assert.is(replica.retiredAtMs, retiredAtMs);
  const again = await openReplica({ stored: log.stored() });
  assert.is(again.replica.retiredAtMs, retiredAtMs);
});

retired('one that is closed stays closed once, whatever changes its record', async () => {
  const { replica } = await openReplica();
  await replica.receive(deltaOf(0, 3));
  await replica.membership.retire(PEER);
  await closeOrigin(replica, PEER, 3);
  const { pair } = replica.closings;
  const again = membership({ origin: OTHER, seq: 1, kind: 'retire', key: PEER });
  await replica.receive(deltaOfOther([again]));
  assert.equal(replica.closings.pair, pair);
  assert.not([...replica.vector.keys()].includes(PEER));
});

retired.run();

const horizons = suite('the horizon in the log');

horizons('it does not fall to one that a peer told while a greater was committed', async () => {
  const { replica, log, holdDisk } = await openReplica();
  const op = tombstone({ origin: PEER, seq: 1, generation: 8 });
  await replica.receive({
    ranges: [{ origin: PEER, after: 0, to: 1, sum: sumOf([op]) }],
    ops: [op],
  });
  const release = holdDisk();
  const collected = replica.forgetting.collect(
    { vector: new Map([[PEER, 1]]), clock: replica.nowMs() },
    9,
  );
  await turn();
  replica.forgetting.raiseHorizon(7);
  release();
  await collected;
  assert.is(replica.header.horizon, 9);
  await replica.submit([putting('a')]);
  assert.is(log.stored().header.horizon, 9);
});

horizons.run();
