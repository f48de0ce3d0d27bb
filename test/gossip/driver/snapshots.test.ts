/** The parts of a snapshot on their way to a peer: which is sent when, and when a new one is begun. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Snapshots } from '../../../src/gossip/driver/snapshots.ts';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { carriedHash } from '../../../src/words/hash.ts';
import { openReplica, putting, type TestReplica } from '../../support/replicas.ts';

const PEER = 2;

interface World extends TestReplica {
  readonly snapshots: Snapshots;
  /** The parts that were sent: their numbers, and those of the questions that they answer. */
  readonly sent: [part: number, re: number | undefined][];
  readonly texts: string[];
}

/** A node of three entries, whose snapshots have a row in each part. @param pause between its steps. */
async function world(pause: () => void = () => {}): Promise<World> {
  const opened = await openReplica({ limits: { maxDeltaOps: 1, maxRecentOps: 0 } });
  await opened.replica.membership.form('the cluster', memberValue('node1', null));
  await opened.replica.submit([putting('a'), putting('b'), putting('c')]);
  const sent: World['sent'] = [];
  const texts: string[] = [];
  const snapshots = new Snapshots({
    replica: opened.replica,
    send: (connection, text) => {
      assert.is(connection, PEER);
      const message = decodeMessage(text);
      assert.ok(message.type === 'snapshot');
      texts.push(text);
      sent.push([message.part, message.re]);
    },
    pause: async () => pause(),
    steadyMs: () => 0,
  });
  return { ...opened, snapshots, sent, texts };
}

const sending = suite('snapshots on their way to a peer (rule 10)');

sending('each part is sent when it is asked for, and answers the first question', async () => {
  const { snapshots, sent, texts } = await world();
  await snapshots.send(PEER, 0, 5);
  await snapshots.send(PEER, 1);
  await snapshots.send(PEER, 2);
  assert.equal(sent, [
    [0, 5],
    [1, 5],
    [2, 5],
  ]);
  assert.is(new Set(texts).size, 3);
  assert.is(snapshots.begun, 1);
});

sending('the last part is sent again if it is asked for twice, and no other', async () => {
  const { snapshots, sent, texts } = await world();
  await snapshots.send(PEER, 0, 5);
  await snapshots.send(PEER, 0, 5);
  await snapshots.send(PEER, 0);
  await snapshots.send(PEER, 1);
  await snapshots.send(PEER, 1);
  await snapshots.send(PEER, 0);
  await snapshots.send(PEER, 3);
  assert.equal(
    sent.map(([part]) => part),
    [0, 0, 0, 1, 1],
  );
  assert.equal([texts[0] === texts[2], texts[3] === texts[4], snapshots.begun], [true, true, 1]);
});

sending('a peer that asks anew gets a new snapshot, and its old one is over', async () => {
  const { snapshots, sent } = await world();
  await snapshots.send(PEER, 0, 5);
  await snapshots.send(PEER, 1);
  await snapshots.send(PEER, 0, 6);
  await snapshots.send(PEER, 1);
  assert.equal(sent, [
    [0, 5],
    [1, 5],
    [0, 6],
    [1, 6],
  ]);
  assert.is(snapshots.begun, 2);
});

sending('a later part of a snapshot that was never begun is not sent', async () => {
  const { snapshots, sent } = await world();
  await snapshots.send(PEER, 1);
  await snapshots.send(PEER, 0, 5);
  snapshots.drop(PEER);
  await snapshots.send(PEER, 1);
  assert.equal([sent, snapshots.begun], [[[0, 5]], 1]);
});

sending('a part is made once, however often it is asked for meanwhile', async () => {
  const { snapshots, sent } = await world();
  await Promise.all([snapshots.send(PEER, 0, 5), snapshots.send(PEER, 0, 5)]);
  await Promise.all([snapshots.send(PEER, 1), snapshots.send(PEER, 1)]);
  assert.equal(
    sent.map(([part]) => part),
    [0, 1],
  );
});

sending('nothing is sent over a connection that ends while a part is made', async () => {
  let isOver = false;
  const made = await world(() => {
    if (isOver) made.snapshots.drop(PEER);
  });
  await made.snapshots.send(PEER, 0, 5);
  isOver = true;
  await made.snapshots.send(PEER, 1);
  assert.equal(made.sent, [[0, 5]]);
});

sending(
  'a snapshot that compaction overtakes is forgotten, and may be asked for anew',
  async () => {
    const { snapshots, sent, replica, log } = await world();
    await replica.submit([putting('a', { version: 2 }), putting('a', { version: 3 })]);
    await snapshots.send(PEER, 0, 5);
    for (const row of await log.rowsAfter(1, { maxRows: 9, maxBytes: 1e6 })) {
      if (row.lsn > 5) break;
      const going = { lsn: row.lsn, seq: row.op.seq, hash: carriedHash(row.op) };
      await replica.forgetting.removeRows(new Map([[replica.origin, [going]]]), {});
    }
    const before = sent.length;
    for (let part = 1; part < 9 && sent.length === before + part - 1; part++)
      await snapshots.send(PEER, part);
    const stopped = sent.length;
    await snapshots.send(PEER, stopped);
    assert.is(sent.length, stopped);
    await snapshots.send(PEER, 0, 6);
    assert.equal([sent.at(-1), snapshots.begun], [[0, 6], 2]);
  },
);

sending.run();
