/** The lsn from which a cursor goes on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Replica } from '../../../src/replica/replica.ts';
import { FollowedVector } from '../../../src/rules/closings.ts';
import { startLsn } from '../../../src/watch/hub/start.ts';
import { carriedHash } from '../../../src/words/hash.ts';
import type { Limits } from '../../../src/words/limits.ts';
import { closeOrigin } from '../../support/closings.ts';
import { deltaOf, openReplica, PEER, putting, type TestReplica } from '../../support/replicas.ts';

const OWN = 'node1.aaaaaa';

/** Rows 1, 2 and 6 are the node's own, and 3 to 5 its peer's. */
async function sixRows(limits: Partial<Limits> = {}): Promise<TestReplica & { reads: number }> {
  const test = await openReplica({ limits });
  const { replica, log } = test;
  await replica.submit([putting('a'), putting('b')]);
  await replica.receive(deltaOf(0, 3));
  await replica.submit([putting('c')]);
  const counted = { ...test, reads: 0 };
  const headsAfter = log.headsAfter.bind(log);
  log.headsAfter = (lsn, maxRows) => {
    counted.reads++;
    return headsAfter(lsn, maxRows);
  };
  return counted;
}

const startOf = (replica: Replica, own: number, peer: number): Promise<number> => {
  const listed = [
    [OWN, own],
    [PEER, peer],
  ] as const;
  return startLsn(
    replica,
    new FollowedVector(
      listed.filter(([, seq]) => seq > 0),
      replica.closings,
      0,
    ),
  );
};

/** The seqs that a cursor covers of both, and the lsn before the first row that it does not cover. */
const STARTS = [
  [0, 0, 0],
  [2, 0, 2],
  [0, 3, 0],
  [2, 1, 3],
  [3, 1, 3],
  [2, 3, 5],
  [3, 3, 6],
  [9, 9, 6],
] as const;

const starts = suite('the start of a watch');

starts('it is before the first row that the cursor does not cover, without a read', async () => {
  const test = await sixRows();
  for (const [own, peer, lsn] of STARTS)
    assert.is(await startOf(test.replica, own, peer), lsn, `${own} and ${peer}`);
  assert.is(test.reads, 0);
});

starts('rows that memory has no more are looked for in the log', async () => {
  const test = await sixRows({ maxRecentOps: 1 });
  for (const [own, peer, lsn] of STARTS)
    assert.is(await startOf(test.replica, own, peer), lsn, `${own} and ${peer}`);
  assert.ok(test.reads >= 5);
  const before = test.reads;
  await startOf(test.replica, 3, 3);
  assert.is(test.reads, before);
});

starts('it is found in a long log, page by page', async () => {
  const { replica } = await openReplica({ limits: { maxRecentOps: 1 } });
  const all = Array.from({ length: 4200 }, (_unused, index) => putting(`k${index}`));
  await replica.submit(all);
  assert.is(await startOf(replica, 4150, 0), 4150);
});

starts('where all rows that it lacks are compacted away, it is the end', async () => {
  const { replica, log } = await sixRows({ maxRecentOps: 1 });
  const going = log
    .stored()
    .rows.filter(({ op }) => op.origin === PEER)
    .map(({ lsn, op }) => ({ lsn, seq: op.seq, hash: carriedHash(op) }));
  await replica.forgetting.removeRows(new Map([[PEER, going]]), {});
  assert.is(await startOf(replica, 3, 1), 6);
});

starts('a closed origin of which the cursor covers a part counts too', async () => {
  for (const maxRecentOps of [1000, 1]) {
    const { replica } = await sixRows({ maxRecentOps });
    await replica.membership.retire(PEER);
    await closeOrigin(replica, PEER, 3);
    assert.not([...replica.vector.keys()].includes(PEER));
    const own = replica.vector.get(OWN) ?? 0;
    const listed: [string, number][] = [
      [OWN, own],
      [PEER, 2],
    ];
    const { closings } = replica;
    assert.is(await startLsn(replica, new FollowedVector(listed, closings, 0)), 4);
    assert.is(await startLsn(replica, new FollowedVector([[OWN, own]], closings, 0)), 2);
    const all = FollowedVector.ofAll(replica.vector, closings);
    assert.is(await startLsn(replica, all), replica.lastLsn);
  }
});

starts.run();
