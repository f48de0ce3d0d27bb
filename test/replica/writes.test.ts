/** Writes of clients: the weight of a request, touches of cold entries, and deletes by prefix. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PutCaller } from '../../src/replica/writes.ts';
import {
  DiskFullError,
  NotWritableError,
  OverloadedError,
  StoppedError,
} from '../../src/words/errors.ts';
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

/** Keeps all that the caller of a put is told, in order: kinds of outcomes, and errors. */
class Told implements PutCaller {
  readonly all: unknown[] = [];
  readonly #then: () => void;

  constructor(then = (): void => {}) {
    this.#then = then;
  }

  done({ kind }: Outcome): void {
    this.all.push(kind);
    this.#then();
  }

  failed(error: unknown): void {
    this.all.push(error instanceof Error ? error.constructor : error);
  }
}

writes('a put is called back with its outcome, once it is durable', async () => {
  const { replica, holdDisk } = await openReplica();
  const [first, same] = [new Told(), new Told()];
  const release = holdDisk();
  replica.writes.put(putting('a'), null, first);
  replica.writes.put(putting('a'), null, same);
  await turn();
  assert.equal([first.all, same.all], [[], []]);
  release();
  await turn();
  assert.equal([first.all, same.all], [['stored'], ['conflict']]);
});

writes(
  'a put is called back once listeners were told, and the next batch is under way',
  async () => {
    const { replica, log, holdDisk } = await openReplica();
    const told: string[] = [];
    replica.onCommit(() => told.push(`told ${log.commits.length}`));
    const release = holdDisk();
    const caller = new Told(() => told.push(`called back ${log.commits.length}`));
    replica.writes.put(putting('a'), null, caller);
    await turn();
    const later = replica.submit([putting('b')]);
    release();
    await later;
    assert.equal(told, ['told 2', 'called back 2', 'told 2']);
  },
);

writes('a put that a caller sends when it is called back is committed too', async () => {
  const { replica } = await openReplica();
  const second = new Told();
  const first = new Told(() => replica.writes.put(putting('b'), null, second));
  replica.writes.put(putting('a'), null, first);
  await turn();
  assert.equal([first.all, second.all], [['stored'], ['stored']]);
});

writes('a put that is refused, or not stored, is called back with the error', async () => {
  const { replica, log, holdDisk } = await openReplica({ limits: { maxQueuedOps: 1 } });
  const told = new Told();
  const put = (key: string): void => replica.writes.put(putting(key), null, told);
  replica.readiness.refuseWrites('it is joining');
  put('a');
  replica.readiness.allowWrites();
  const release = holdDisk();
  log.failNextAppend('full');
  put('b');
  put('c');
  await turn();
  put('d');
  const suspended = replica.suspend();
  put('e');
  release();
  await suspended;
  assert.equal(told.all, [
    NotWritableError,
    OverloadedError,
    StoppedError,
    StoppedError,
    DiskFullError,
  ]);
  assert.is(replica.map.size, 0);
});

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
