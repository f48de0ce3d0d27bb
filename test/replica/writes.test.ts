/** Writes of clients: the weight of a request, touches of cold entries, and deletes by prefix. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotWritableError } from '../../src/words/errors.ts';
import type { Outcome, TouchRequest } from '../../src/words/requests.ts';
import { openReplica, putting, type TestReplica, turn } from '../support/replicas.ts';

const writes = suite('writes of clients');

const VALUE = JSON.stringify('v'.repeat(98));

const touching = (key: string, fields: Partial<TouchRequest> = {}): TouchRequest => ({
  kind: 'touch',
  key,
  ttlMs: 5000,
  ...fields,
});

/** A replica whose values are only in its log. */
async function openCold(...keys: readonly string[]): Promise<TestReplica> {
  const before = await openReplica();
  await before.replica.submit(keys.map((key) => putting(key, { value: VALUE })));
  return openReplica({ stored: before.log.stored(), maxMemory: 1 });
}

writes('a request weighs its texts, and a touch all that it writes again', async () => {
  const { replica, holdDisk } = await openCold('key');
  const read = await replica.reads.get('key');
  assert.ok(read.kind === 'found');
  const release = holdDisk();
  const first = replica.submit([putting('key', { version: 2 })]);
  await turn();
  const all: Promise<unknown>[] = [];
  for (const [request, bytes] of [
    [putting('key', { version: 3, value: '12345', meta: '{}' }), 3 + 5 + 2],
    [{ kind: 'delete', key: 'longer key', upToVersion: null }, 10],
    [{ kind: 'get', key: 'another' }, 7],
    [touching('none'), 4],
    [touching('key', { known: read.entry }), 3 + 100],
  ] as const) {
    const before = replica.queuedBytes;
    all.push(replica.submit([request]));
    await turn();
    assert.is(replica.queuedBytes - before, bytes, `${request.kind} ${request.key}`);
  }
  release();
  await Promise.all([first, ...all]);
  assert.is(replica.queuedBytes, 0);
});

const kindsOf = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map((outcome) =>
    outcome.kind === 'stored' ? `${outcome.op.key}: ${outcome.op.value}` : outcome.kind,
  );

writes('a touch brings the value that only the log has, and reads no other', async () => {
  const { replica } = await openCold('a', 'b', 'c');
  const outcomes = await replica.submit([
    touching('a'),
    { kind: 'delete', key: 'b', upToVersion: null },
    touching('none'),
    putting('c', { version: 2, value: '2' }),
  ]);
  assert.equal(kindsOf(outcomes), [`a: ${VALUE}`, 'deleted', 'absent', 'c: 2']);
  assert.is(replica.coldRows.reads, 1);
  await replica.submit([touching('c')]);
  assert.equal([replica.coldRows.reads, replica.reads.hits], [1, 0], 'nobody was given a value');
});

writes('a touched key that goes while its value is read is absent', async () => {
  const { replica, holdReads } = await openCold('a');
  const goOn = holdReads();
  const touched = replica.submit([touching('a')]);
  await turn();
  await replica.submit([{ kind: 'delete', key: 'a', upToVersion: null }]);
  goOn();
  assert.equal(kindsOf(await touched), ['absent']);
});

writes('a touched key that changes while its value is read is touched as it is then', async () => {
  const { replica, holdReads } = await openCold('a', 'b');
  const goOn = holdReads();
  const touched = replica.submit([touching('a'), touching('b')]);
  await turn();
  const value = JSON.stringify('w'.repeat(98));
  await replica.submit([putting('a', { version: 2, value })]);
  assert.is(replica.map.coldSize, 2);
  goOn();
  assert.equal(kindsOf(await touched), [`a: ${value}`, `b: ${VALUE}`]);
});

writes('a delete by prefix tells each commit, and of no key none', async () => {
  const { replica, log } = await openReplica();
  await replica.submit([putting('p/1'), putting('p/2')]);
  const told: number[] = [];
  const tell = (outcomes: readonly Outcome[]): void => {
    told.push(outcomes.length);
  };
  assert.is(await replica.writes.deletePrefix('p/', tell), 2);
  const commits = log.commits.length;
  assert.is(await replica.writes.deletePrefix('p/', tell), 0);
  assert.equal([told, log.commits.length], [[2], commits]);
});

writes(
  'where clients may not write, a delete by prefix is refused although it finds no key',
  async () => {
    const { replica } = await openReplica();
    replica.readiness.refuseWrites('the test says so');
    for (const write of [
      () => replica.writes.deletePrefix('none'),
      () => replica.submit([]),
      () => replica.submit([putting('a')]),
    ])
      await write().then(
        () => assert.unreachable(),
        (error: unknown) => assert.instance(error, NotWritableError),
      );
  },
);

writes.run();
