import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Committed } from '../../src/replica/replica.ts';
import {
  BrokenInvariantError,
  CommitFailedError,
  DiskFullError,
  DuplicateOpError,
  type HearsayError,
  NotWritableError,
  OverloadedError,
  StoppedError,
} from '../../src/words/errors.ts';
import type { PutRequest } from '../../src/words/requests.ts';
import { put, sumOf } from '../support/ops.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  stateOf,
  turn,
} from '../support/replicas.ts';

const ORIGIN = 'node1.aaaaaa';

/** The error that a promise is rejected with; an assertion where it is not. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.unreachable('nothing was thrown');
}

const commits = suite('commits (rule 5)');

commits('all that waits in one turn shares one transaction, in order of arrival', async () => {
  const { replica, log } = await openReplica();
  const [first, taken, second] = await Promise.all([
    replica.submit([putting('a'), putting('b')]),
    replica.receive(deltaOf(0, 2)),
    replica.submit([putting('a'), { kind: 'get', key: 'b' }]),
  ]);
  assert.equal(
    first.map((outcome) => outcome.kind),
    ['stored', 'stored'],
  );
  assert.equal(taken, { kind: 'applied', ops: 2 });
  assert.equal(
    second.map((outcome) => outcome.kind),
    ['conflict', 'found'],
  );
  assert.is(log.commits.length, 1);
  assert.equal(
    log.commits[0]?.rows.map(({ op }) => `${op.origin}/${op.seq}`),
    [`${ORIGIN}/1`, `${ORIGIN}/2`, `${PEER}/1`, `${PEER}/2`],
  );
});

commits('what comes before the end of the turn shares the first commit', async () => {
  const end = Promise.withResolvers<void>();
  const { replica, log } = await openReplica({ times: { endOfTurn: () => end.promise } });
  const first = replica.submit([putting('a')]);
  await turn();
  const second = replica.submit([putting('b')]);
  await turn();
  assert.is(log.commits.length, 0);
  end.resolve();
  await Promise.all([first, second]);
  assert.is(log.commits.length, 1);
});

commits(
  'while one is under way nothing is decided, and all that comes shares the next',
  async () => {
    const { replica, log, holdDisk } = await openReplica();
    const release = holdDisk();
    const first = replica.submit([putting('a')]);
    await turn();
    const later = [
      replica.submit([putting('a')]),
      replica.submit([putting('a', { version: 'next' })]),
    ];
    await turn();
    assert.is(log.commits.length, 1);
    assert.is(replica.queuedOps, 2);
    release();
    await first;
    const [conflict, stored] = await Promise.all(later);
    assert.equal(conflict, [{ kind: 'conflict', currentVersion: 1 }]);
    assert.is(stored?.[0]?.kind === 'stored' && stored[0].op.version, 2);
    assert.is(log.commits.length, 2);
    assert.is(replica.queuedOps, 0);
  },
);

commits('nothing is answered, read or told before it is committed', async () => {
  const { replica, holdDisk } = await openReplica();
  const release = holdDisk();
  const happened: string[] = [];
  replica.onCommit(() => {
    assert.is(replica.get('a').kind, 'found');
    happened.push('told');
  });
  const answered = replica.submit([putting('a')]).then(() => happened.push('answered'));
  await turn();
  assert.equal(happened, []);
  assert.is(replica.get('a').kind, 'absent');
  assert.equal(replica.list('', null, { entries: 9 }).entries, []);
  assert.is(replica.vector.size, 0);
  release();
  await answered;
  assert.equal(happened.sort(), ['answered', 'told']);
});

commits('what waits is on its way to the disk when those before it are answered', async () => {
  const { replica, log, holdDisk } = await openReplica();
  const release = holdDisk();
  const told: string[][] = [];
  const begun: number[] = [];
  replica.onCommit(({ rows }) => {
    told.push(rows.map(({ row }) => row.op.key));
    begun.push(log.commits.length);
    assert.is(replica.recent.rowsAfter(0, 9)?.length, replica.lastLsn);
  });
  const first = replica.submit([putting('a')]);
  await turn();
  const second = replica.submit([putting('b'), putting('a', { version: 2 })]);
  release();
  const releaseSecond = holdDisk();
  await first;
  assert.equal(told, [['a']]);
  assert.equal(begun, [2]);
  assert.is(replica.get('b').kind, 'absent');
  releaseSecond();
  await second;
  assert.equal(told, [['a'], ['b', 'a']]);
  assert.equal(begun, [2, 2]);
});

commits('a commit is told as it was, though requests that log nothing follow it', async () => {
  const { replica, holdDisk } = await openReplica();
  const release = holdDisk();
  const told: string[][] = [];
  replica.onCommit(({ rows }) => told.push(rows.map(({ row }) => row.op.key)));
  const first = replica.submit([putting('a')]);
  await turn();
  const second = replica.submit([{ kind: 'get', key: 'a' }, deleting('b', 9)]);
  release();
  await Promise.all([first, second]);
  assert.equal(told, [['a']]);
});

commits(
  'requests that log nothing cost no transaction, and wait their turn all the same',
  async () => {
    const { replica, log, holdDisk } = await openReplica();
    assert.equal(await replica.submit([{ kind: 'get', key: 'a' }, deleting('a', 9)]), [
      { kind: 'absent', expired: false },
      { kind: 'deleted', op: null, existed: false },
    ]);
    assert.is(log.commits.length, 0);
    const release = holdDisk();
    const stored = replica.submit([putting('a')]);
    await turn();
    const read = replica.submit([{ kind: 'get', key: 'a' }]);
    release();
    await stored;
    assert.is((await read)[0]?.kind, 'found');
    assert.is(log.commits.length, 1);
  },
);

commits(
  'listeners are told of each commit once, in order, with the rows as they are in the log',
  async () => {
    const { replica, log } = await openReplica();
    const told: Committed[] = [];
    const end = replica.onCommit((committed) => told.push(committed));
    await replica.submit([putting('a')]);
    await replica.receive(deltaOf(0, 2));
    end();
    await replica.submit([putting('b')]);
    assert.equal(
      told.map(({ rows }) => rows.map(({ row }) => row)),
      log.commits.slice(0, 2).map(({ rows }) => rows),
    );
    assert.is(told[0]?.origin, ORIGIN);
  },
);

commits("stamps go on above those of peers' ops that came in earlier commits", async () => {
  const { replica } = await openReplica();
  const aheadHlc = 1_795_003_600_000_000;
  const ahead = put({ origin: PEER, hlc: aheadHlc });
  const range = { origin: PEER, after: 0, to: 1, sum: sumOf([ahead]) };
  await replica.receive({ ranges: [range], ops: [ahead] });
  const [outcome] = await replica.submit([putting('a')]);
  assert.is(outcome?.kind === 'stored' && outcome.op.hlc, aheadHlc + 1);
});

commits('a delta that is not taken leaves what it said why, and no trace', async () => {
  const { replica, log } = await openReplica();
  assert.equal(await replica.receive(deltaOf(3, 5)), { kind: 'gap' });
  assert.equal(await replica.receive({ ...deltaOf(0, 5), ops: [] }), { kind: 'incomplete' });
  assert.is(log.commits.length, 0);
  assert.is(replica.vector.size, 0);
});

commits.run();

const failures = suite('commits that fail');

failures('a full disk refuses those of the commit and changes nothing', async () => {
  const { replica, log, holdDisk } = await openReplica();
  await replica.submit([putting('a')]);
  const before = stateOf(replica);
  const told: Committed[] = [];
  replica.onCommit((committed) => told.push(committed));
  log.failNextAppend('full');
  const release = holdDisk();
  const refused = [replica.submit([putting('b')]), replica.receive(deltaOf(0, 2))];
  await turn();
  const later = replica.submit([putting('c')]);
  release();
  for (const promise of refused) assert.instance(await errorOf(promise), DiskFullError);
  const [outcome] = await later;
  assert.is(outcome?.kind === 'stored' && outcome.op.seq, 2);
  assert.is(told.length, 1);
  assert.is(replica.get('b').kind, 'absent');
  assert.equal([...replica.vector], [[ORIGIN, 2]]);
  assert.equal(stateOf(replica).entries.slice(0, 1), before.entries);
});

failures('a full disk leaves the whole state as it was', async () => {
  const { replica, log } = await openReplica();
  await replica.submit([putting('a', { ttlMs: 50 }), putting('b')]);
  const before = stateOf(replica);
  log.failNextAppend('full');
  const requests = [deleting('a'), putting('b', { version: 9 }), putting('c')];
  assert.instance(await errorOf(replica.submit(requests)), DiskFullError);
  assert.equal(stateOf(replica), before);
});

failures("only a row of a snapshot that came twice is its sender's fault", async () => {
  for (const isOfSnapshot of [true, false]) {
    const { replica, log } = await openReplica({ nodeId: 'node3' });
    const told: HearsayError[] = [];
    replica.onFailure((error) => told.push(error));
    if (isOfSnapshot) log.failNextAppend('lost');
    else log.append = () => Promise.reject(new DuplicateOpError(new Error('it stands twice')));
    const failed = isOfSnapshot
      ? replica.incomingSnapshot.takeRows([{ op: put({ origin: PEER }), isEntry: true }])
      : replica.submit([putting('a')]);
    assert.instance(await errorOf(failed), CommitFailedError);
    assert.is(told.length, 1);
    assert.instance(await errorOf(replica.submit([putting('b')])), StoppedError);
  }
});

for (const ending of ['lost', 'stored'] as const) {
  failures(
    `any other failure (here ${ending}) has an unknown outcome, and the replica stops`,
    async () => {
      const { replica, log, holdDisk } = await openReplica();
      const told: HearsayError[] = [];
      replica.onFailure((error) => told.push(error));
      log.failNextAppend(ending);
      const release = holdDisk();
      const underWay = [replica.submit([putting('a')]), replica.submit([putting('b')])];
      await turn();
      const waiting = replica.submit([putting('c')]);
      release();
      for (const promise of underWay) assert.instance(await errorOf(promise), CommitFailedError);
      assert.instance(await errorOf(waiting), StoppedError);
      assert.instance(await errorOf(replica.submit([putting('d')])), StoppedError);
      assert.instance(await errorOf(replica.receive(deltaOf(0, 1))), StoppedError);
      assert.is(told.length, 1);
      assert.instance(told[0], CommitFailedError);
      assert.is(replica.get('a').kind, 'absent');
      assert.is(log.commits.length, 1);
    },
  );
}

const broken = (value: string): PutRequest => ({
  ...putting(value),
  get ttlMs(): number | null {
    throw new RangeError(`${value} can't be decided`);
  },
});

failures('a request that can not be decided fails alone, without a trace', async () => {
  const { replica, log } = await openReplica();
  replica.onFailure((error) => {
    throw error;
  });
  const [first, none, third, taken] = [
    replica.submit([putting('a')]),
    errorOf(replica.submit([putting('half'), broken('b')])),
    replica.submit([putting('a', { version: 'next' })]),
    replica.receive(deltaOf(0, 2)),
  ];
  assert.instance(await none, RangeError);
  assert.is((await first)[0]?.kind, 'stored');
  const [again] = await third;
  assert.is(again?.kind === 'stored' && again.op.seq, 2);
  assert.equal(await taken, { kind: 'applied', ops: 2 });
  assert.is(replica.get('half').kind, 'absent');
  assert.is(log.commits.length, 1);
  assert.is((await replica.submit([putting('later')]))[0]?.kind, 'stored');
});

failures('a broken invariant stops the replica, and nothing of the batch is stored', async () => {
  const { replica, log } = await openReplica();
  const told: HearsayError[] = [];
  replica.onFailure((error) => told.push(error));
  const impossible: PutRequest = {
    ...putting('b'),
    get ttlMs(): number | null {
      throw new BrokenInvariantError('a number is none');
    },
  };
  const waiting = [replica.submit([putting('a')]), replica.submit([impossible])];
  for (const promise of waiting) assert.instance(await errorOf(promise), BrokenInvariantError);
  assert.instance(await errorOf(replica.submit([putting('c')])), StoppedError);
  assert.is(told.length, 1);
  assert.is(log.commits.length, 0);
});

failures(
  'a broken invariant in what follows a commit leaves that commit answered and told',
  async () => {
    const { replica, holdDisk } = await openReplica();
    const release = holdDisk();
    const happened: string[] = [];
    replica.onCommit(() => happened.push('told'));
    replica.onFailure(() => happened.push('failed'));
    const first = replica.submit([putting('a')]);
    await turn();
    const impossible: PutRequest = {
      ...putting('b'),
      get ttlMs(): number | null {
        throw new BrokenInvariantError('a number is none');
      },
    };
    const second = errorOf(replica.submit([impossible]));
    release();
    assert.is((await first)[0]?.kind, 'stored');
    assert.instance(await second, BrokenInvariantError);
    assert.equal(happened, ['told', 'failed']);
  },
);

failures(
  'closing lets the commit under way end, and refuses what waits and what comes',
  async () => {
    const { replica, log, holdDisk } = await openReplica();
    const release = holdDisk();
    const underWay = replica.submit([putting('a')]);
    await turn();
    const waiting = replica.submit([putting('b')]);
    const refused = errorOf(waiting);
    const ended: string[] = [];
    const answered = underWay.then(() => ended.push('the commit'));
    const closed = replica.close().then(() => ended.push('the close'));
    release();
    await Promise.all([answered, closed]);
    assert.equal(ended, ['the commit', 'the close']);
    assert.instance(await refused, StoppedError);
    assert.instance(await errorOf(replica.submit([putting('c')])), StoppedError);
    assert.is(log.stored().rows.length, 1);
  },
);

failures(
  'suspending refuses what waits, and is done once the commit under way is answered',
  async () => {
    const { replica, holdDisk } = await openReplica();
    const release = holdDisk();
    const ended: string[] = [];
    const answered = replica.submit([putting('a')]).then(() => ended.push('the commit'));
    await turn();
    const refused = errorOf(replica.submit([putting('b')]));
    const suspended = replica.suspend().then(() => ended.push('suspending'));
    await turn();
    assert.equal(ended, []);
    release();
    await Promise.all([answered, suspended]);
    assert.equal(ended, ['the commit', 'suspending']);
    assert.instance(await refused, StoppedError);
  },
);

failures('a node that may not write says why, and still takes in what peers send', async () => {
  const { replica } = await openReplica();
  replica.readiness.refuseWrites('it is joining');
  const error = await errorOf(replica.submit([putting('a')]));
  assert.instance(error, NotWritableError);
  assert.match((error as NotWritableError).message, /it is joining/);
  assert.is((error as NotWritableError).retryAfterMs, 1000);
  assert.equal(await replica.receive(deltaOf(0, 2)), { kind: 'applied', ops: 2 });
  replica.readiness.allowWrites();
  assert.is((await replica.submit([putting('a')]))[0]?.kind, 'stored');
});

failures.run();

const queue = suite('the queue');

queue('beyond its bound of ops it refuses, and nothing of the refused is stored', async () => {
  const { replica } = await openReplica({ limits: { maxQueuedOps: 3 } });
  const first = replica.submit([putting('a'), putting('b')]);
  const [refused, refusedDelta] = [
    errorOf(replica.submit([putting('c'), putting('d')])),
    errorOf(replica.receive(deltaOf(0, 2))),
  ];
  const fits = replica.submit([putting('e')]);
  const error = await refused;
  assert.instance(error, OverloadedError);
  assert.is((error as OverloadedError).retryAfterMs, 1000);
  assert.instance(await refusedDelta, OverloadedError);
  await Promise.all([first, fits]);
  assert.is(replica.get('c').kind, 'absent');
  assert.equal([...replica.vector], [[ORIGIN, 3]]);
});

queue('what fills its bound of bytes to the last one is taken', async () => {
  const request = putting('k', { value: 'x'.repeat(40) });
  const first = (await openReplica()).replica;
  const waiting = first.submit([request]);
  const { queuedBytes } = first;
  await waiting;
  assert.ok(queuedBytes > 40);
  for (const [maxQueuedBytes, isTaken] of [
    [2 * queuedBytes, true],
    [2 * queuedBytes - 1, false],
  ] as const) {
    const { replica } = await openReplica({ limits: { maxQueuedBytes } });
    const one = replica.submit([request]);
    const other = replica.submit([request]);
    if (isTaken) await other;
    else assert.instance(await errorOf(other), OverloadedError);
    await one;
  }
});

queue('beyond its bound of bytes it refuses: keys, values and metas count', async () => {
  const { replica, holdDisk } = await openReplica({ limits: { maxQueuedBytes: 100 } });
  const release = holdDisk();
  const underWay = replica.submit([putting('a')]);
  await turn();
  const long = 'x'.repeat(40);
  for (const request of [
    putting(long),
    putting('k', { value: long }),
    putting('k', { meta: long }),
  ]) {
    const [waiting, other] = [replica.submit([request]), replica.submit([request])];
    assert.ok(replica.queuedBytes > 80, `${replica.queuedBytes}`);
    assert.instance(await errorOf(replica.submit([request])), OverloadedError);
    release();
    await Promise.all([underWay, waiting, other]);
    assert.is(replica.queuedBytes, 0);
  }
});

queue('a request that is over the bound by itself is taken when nothing waits', async () => {
  const { replica } = await openReplica({ limits: { maxQueuedOps: 1, maxQueuedBytes: 5 } });
  const outcomes = await replica.submit([putting('a', { value: '"long enough"' }), putting('b')]);
  assert.is(outcomes.length, 2);
});

queue(
  'two thousand writers on a slow disk are all answered, within a few transactions',
  async () => {
    const { replica, log, holdDisk } = await openReplica();
    const release = holdDisk();
    const first = replica.submit([putting('first')]);
    await turn();
    const writers = Array.from({ length: 2000 }, (_, index) =>
      replica.submit([putting(`k${index}`)]),
    );
    release();
    await Promise.all([first, ...writers]);
    assert.is(log.commits.length, 2);
    assert.is(replica.map.size, 2001);
  },
);

queue.run();
