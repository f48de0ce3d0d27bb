/** The pages by which a log judges ops that another log lacked, and tells its deletes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { deletesAfter } from '../../src/replica/deletes.ts';
import { type JudgedPage, Judgement, judgedPage } from '../../src/replica/judgement.ts';
import { memberValue } from '../../src/rules/members.ts';
import { deleting, openReplica, putting } from '../support/replicas.ts';

const judging = suite('judgements of lost ops (rule 12)');

const keysOf = ({ ops }: JudgedPage): string[] => ops.map(({ key }) => key);

judging('a page tells the ops on keys that the other log lacked, and no others', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('a'), putting('b')]);
  await replica.membership.form('the cluster', memberValue('node1', null));
  await replica.submit([deleting('b')]);
  const { origin } = replica;
  assert.equal(keysOf(await judgedPage(replica, new Map(), 0)), ['a', 'b', 'b']);
  assert.equal(keysOf(await judgedPage(replica, new Map([[origin, 1]]), 0)), ['b', 'b']);
  assert.equal(keysOf(await judgedPage(replica, new Map([[origin, 2]]), 0)), ['b']);
  assert.equal(keysOf(await judgedPage(replica, new Map([[origin, 4]]), 0)), []);
});

judging('of many ops on a key the greatest counts, in whatever order they come', async () => {
  const rank = (version: number) =>
    ({
      kind: 'put',
      key: 'a',
      generation: 0,
      version,
      hlc: 1,
      origin: 'node1.aaaaaa',
      seq: 1,
    }) as const;
  for (const versions of [
    [1, 3, 2],
    [3, 1, 2],
    [1, 2, 3],
  ]) {
    const judgement = new Judgement(['a']);
    const page = { ops: versions.map(rank), next: null, isComplete: true, cutAtMs: null };
    assert.ok(await judgement.hear(async () => page, new Map()));
    assert.is(judgement.laterOf('a')?.version, 3, `${versions}`);
  }
});

judging('an op is recent only beyond the cut and the skew', async () => {
  const judgement = new Judgement(['a']);
  const page = { ops: [], next: null, isComplete: false, cutAtMs: 5000 };
  await judgement.hear(async () => page, new Map());
  const op = (hlc: number) =>
    ({ kind: 'put', generation: 0, version: 1, hlc, origin: 'node1.aaaaaa', seq: 1 }) as const;
  assert.not.ok(judgement.isRecent(op(6_000_000), 1000));
  assert.ok(judgement.isRecent(op(6_000_001), 1000));
});

judging('a log that falls silent before its end leaves open whether it is complete', async () => {
  const judgement = new Judgement(['a']);
  const first = { ops: [], next: 7, isComplete: true, cutAtMs: null };
  assert.not(await judgement.hear(async (_held, after) => (after === 0 ? first : null), new Map()));
  assert.not(judgement.isComplete);
  assert.not(await judgement.hear(async () => null, new Map()));
  assert.not(judgement.isComplete);
});

judging.run();

const deletes = suite('deletes for nodes of protocol 1');

deletes('only deletes that are later than the HLC are told, page by page to the end', async () => {
  const { replica, log } = await openReplica();
  await replica.submit([putting('a'), putting('b'), deleting('a'), deleting('b')]);
  const [first, second] = (await log.rowsAfter(2, { maxRows: 9, maxBytes: 1e6 })).map(
    ({ op }) => [op.key, op.hlc] as const,
  );
  assert.ok(first && second);
  assert.equal(await deletesAfter(log, 0, 0), { deletes: [first, second], next: 4 });
  assert.equal((await deletesAfter(log, first[1], 0)).deletes, [second]);
  assert.equal(await deletesAfter(log, 0, 4), { deletes: [], next: null });
});

deletes('a page ends at its length of keys, and the next one goes on behind it', async () => {
  const { replica, log } = await openReplica();
  const keys = ['a', 'b', 'c'].map((letter) => letter.repeat(32 * 1024));
  await replica.submit(keys.map((key) => putting(key)));
  await replica.submit(keys.map((key) => deleting(key)));
  const page = await deletesAfter(log, 0, 0);
  assert.equal([page.deletes.length, page.next], [2, 5]);
  assert.equal((await deletesAfter(log, 0, 5)).deletes.length, 1);
});

deletes.run();
