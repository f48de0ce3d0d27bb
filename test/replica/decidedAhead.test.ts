/** Requests that are decided while a commit is under way, and how many share one. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commitShare, ENOUGH_OPS } from '../../src/replica/commitShare.ts';
import { MAX_AHEAD_MS } from '../../src/rules/decide.ts';
import type { Request } from '../../src/words/requests.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  stateOf,
  type TestReplica,
  turn,
} from '../support/replicas.ts';

const ORIGIN = 'node1.aaaaaa';

const ahead = suite('decided ahead');

const aRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    version: fc.constantFrom<number | 'next'>(1, 2, 5, 'next'),
    ttlMs: fc.constantFrom(null, 3, 50),
    value: fc.constantFrom('1', '"text"'),
    meta: fc.constant(null),
  }),
  fc.record({
    kind: fc.constant('delete' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    upToVersion: fc.constantFrom(null, 1, 5),
  }),
  fc.record({
    kind: fc.constant('touch' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    ttlMs: fc.constantFrom(null, 4),
  }),
  fc.record({ kind: fc.constant('get' as const), key: fc.constantFrom('a', 'b', 'c') }),
);
const someRequests = fc.array(aRequest, { minLength: 1, maxLength: 5 });

/** Everything that a client, a peer and a restart can see. */
const seen = ({ replica, log }: TestReplica) => ({
  ...stateOf(replica),
  rows: log.commits.flatMap(({ rows }) => rows),
});

ahead('what is decided during a commit is what would be decided after it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(someRequests, { maxLength: 3 }),
      someRequests,
      fc.array(someRequests, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: MAX_AHEAD_MS }),
      async (before, under, during, laterMs) => {
        const [one, other] = [await openReplica(), await openReplica()];
        for (const { replica } of [one, other])
          for (const requests of before) await replica.submit(requests);
        const release = one.holdDisk();
        const first = one.replica.submit(under);
        await turn();
        one.clock.nowMs += 3;
        const others = during.map((requests) => one.replica.submit(requests));
        await turn();
        one.clock.nowMs += laterMs;
        release();
        const outcomes = await Promise.all([first, ...others]);
        const expected = [await other.replica.submit(under)];
        other.clock.nowMs += 3;
        expected.push(
          ...(await Promise.all(during.map((requests) => other.replica.submit(requests)))),
        );
        assert.equal(outcomes, expected);
        assert.equal(seen(one), seen(other));
      },
    ),
    { numRuns: 300 },
  );
});

/** A put is under way. @returns what ends its commit. */
async function duringAPut(
  test: TestReplica,
): Promise<{ first: Promise<unknown>; release: () => void }> {
  const release = test.holdDisk();
  const first = test.replica.submit([putting('first')]);
  await turn();
  return { first, release };
}

for (const { laterMs, committedAfterMs } of [
  { laterMs: MAX_AHEAD_MS, committedAfterMs: 0 },
  { laterMs: MAX_AHEAD_MS + 1, committedAfterMs: MAX_AHEAD_MS + 1 },
  { laterMs: -1, committedAfterMs: -1 },
])
  ahead(
    `what was decided ${laterMs} ms before its commit bears the time of ${committedAfterMs} ms later`,
    async () => {
      const test = await openReplica();
      const { first, release } = await duringAPut(test);
      const atMs = test.clock.nowMs;
      const second = test.replica.submit([putting('a')]);
      test.clock.nowMs += laterMs;
      release();
      await Promise.all([first, second]);
      assert.is(test.log.commits[1]?.rows[0]?.committedAt, atMs + committedAfterMs);
    },
  );

ahead('a horizon that rises meanwhile counts for what was decided before it rose', async () => {
  const test = await openReplica();
  const { first, release } = await duringAPut(test);
  const second = test.replica.submit([putting('a')]);
  test.replica.forgetting.raiseHorizon(7);
  release();
  await Promise.all([first, second]);
  assert.is(test.log.commits[1]?.rows[0]?.op.generation, 7);
});

ahead('what comes behind a delta waits for it, in the order in which it came', async () => {
  const test = await openReplica();
  const { first, release } = await duringAPut(test);
  const others = [
    test.replica.submit([putting('a')]),
    test.replica.receive(deltaOf(0, 1)),
    test.replica.submit([putting('b')]),
  ];
  release();
  await Promise.all([first, ...others]);
  const rows = test.log.commits.flatMap((commit) => commit.rows);
  assert.equal(
    rows.map(({ op }) => op.origin),
    [ORIGIN, ORIGIN, PEER, ORIGIN],
  );
  assert.equal(
    rows.map(({ lsn }) => lsn),
    [1, 2, 3, 4],
  );
  assert.is(test.log.commits.length, 3);
});

ahead('nothing is decided before a commit that changes the members has ended', async () => {
  const test = await openReplica();
  const release = test.holdDisk();
  const joined = test.replica.membership.admit(PEER, '{}');
  await turn();
  const put = test.replica.submit([putting('a')]);
  release();
  await Promise.all([joined, put]);
  assert.is(test.log.commits.length, 2);
  assert.is(test.replica.lastLsn, test.log.commits.flatMap(({ rows }) => rows).length);
});

ahead('one that fails to be decided ahead leaves no trace in the others', async () => {
  const test = await openReplica();
  const { first, release } = await duringAPut(test);
  const broken: Request = {
    ...putting('c'),
    get ttlMs(): number | null {
      throw new RangeError('it can not be decided');
    },
  };
  const before = test.replica.submit([putting('a')]);
  const half = test.replica.submit([putting('b'), broken]).catch((error: unknown) => error);
  const after = test.replica.submit([putting('d')]);
  release();
  await Promise.all([first, before, after]);
  assert.instance(await half, RangeError);
  assert.equal(
    test.log.commits.flatMap(({ rows }) => rows.map(({ op }) => `${op.key}/${op.seq}`)),
    ['first/1', 'a/2', 'd/3'],
  );
});

ahead(
  'a fold that fails tells those of the next commit that their outcome is unknown',
  async () => {
    const test = await openReplica();
    const { first, release } = await duringAPut(test);
    const second = test.replica.submit([putting('a')]);
    test.replica.map.fold = () => {
      throw new RangeError('the map is full');
    };
    const errors: string[] = [];
    const failed = [first, second].map((promise) =>
      promise.catch((error: unknown) => errors.push(String(error))),
    );
    release();
    const releaseSecond = test.holdDisk();
    await turn();
    assert.equal(errors, [], 'the append that has begun goes on');
    releaseSecond();
    await Promise.all(failed);
    for (const error of errors) assert.match(error, /CommitFailedError/);
    assert.is(errors.length, 2);
    assert.is(test.log.stored().rows.length, 2);
  },
);

ahead.run();

const shares = suite('the share of a commit');

shares('while the disk is slower than the main thread, all that wait share a commit', () => {
  assert.is(commitShare(1000, 4.1), Number.POSITIVE_INFINITY);
  assert.is(commitShare(1000, 4), 500);
});

shares('else it is half of them, but not less than enough', () => {
  assert.is(commitShare(ENOUGH_OPS, 0), ENOUGH_OPS);
  assert.is(commitShare(3000, 0), 1500);
});

/** Batches of a hundred puts that come in one turn. @returns the ops of each commit. */
async function opsOfCommits(commitMs: number): Promise<number[]> {
  let nowMs = 0;
  const test = await openReplica({
    times: {
      endOfTurn: turn,
      steadyMs: () => {
        nowMs += commitMs / 2;
        return nowMs;
      },
    },
  });
  await test.replica.submit([putting('first')]);
  const batches = Array.from({ length: 8 }, (_, batch) =>
    test.replica.submit(Array.from({ length: 100 }, (__, index) => putting(`${batch}.${index}`))),
  );
  await Promise.all(batches);
  return test.log.commits.slice(1).map(({ rows }) => rows.length);
}

shares('of many that come together, a part is committed while the others are decided', async () => {
  assert.equal(await opsOfCommits(1), [400, 400]);
});

shares('on a slow disk all that come together share a commit', async () => {
  assert.equal(await opsOfCommits(10), [800]);
});

/** A replica on a disk that takes so long, in a turn of the event loop that the test ends. */
async function inATurn(commitMs: number): Promise<TestReplica & { readonly end: () => void }> {
  let nowMs = 0;
  const gate = Promise.withResolvers<void>();
  let endOfTurn = Promise.resolve();
  const steadyMs = (): number => {
    nowMs += commitMs;
    return nowMs;
  };
  const test = await openReplica({ times: { endOfTurn: () => endOfTurn, steadyMs } });
  await test.replica.submit([putting('first')]);
  endOfTurn = gate.promise;
  return { ...test, end: gate.resolve };
}

const puts = (name: string, count: number): Request[] =>
  Array.from({ length: count }, (_, index) => putting(`${name} ${index}`));

shares('a commit waits for the end of the turn until there is enough for it', async () => {
  const { replica, log, end } = await inATurn(0.1);
  const first = replica.submit(puts('a', ENOUGH_OPS - 1));
  await turn();
  assert.is(log.commits.length, 1);
  const second = replica.submit(puts('b', 1));
  await turn();
  assert.is(log.commits.length, 2);
  assert.is(log.commits[1]?.rows.length, ENOUGH_OPS);
  end();
  await Promise.all([first, second]);
});

shares('on a slow disk it waits for the end of the turn, however much there is', async () => {
  const { replica, log, end } = await inATurn(10);
  const first = replica.submit(puts('a', 1000));
  await turn();
  assert.is(log.commits.length, 1);
  end();
  await first;
});

shares('during a commit no more is decided than the share of the next one', async () => {
  const { replica, log, holdDisk, end } = await inATurn(0.1);
  end();
  const release = holdDisk();
  const first = replica.submit(puts('a', 1));
  await turn();
  const others = ['b', 'c', 'd'].map((name) => replica.submit(puts(name, ENOUGH_OPS / 2)));
  release();
  await Promise.all([first, ...others]);
  assert.equal(
    log.commits.map(({ rows }) => rows.length),
    [1, 1, ENOUGH_OPS, ENOUGH_OPS / 2],
  );
});

shares('its end is asked for once as many ops are decided ahead as it has', async () => {
  const { replica, log, holdDisk } = await openReplica();
  const release = holdDisk();
  const first = replica.submit(puts('a', 3));
  await turn();
  const others = [replica.submit(puts('b', 2))];
  assert.is(log.endsAskedFor, 0);
  others.push(replica.submit(puts('c', 1)));
  assert.is(log.endsAskedFor, 1);
  release();
  await Promise.all([first, ...others]);
});

shares('its end is not asked for where the next commit is a share of many', async () => {
  const { replica, log, holdDisk, end } = await inATurn(0.1);
  end();
  const release = holdDisk();
  const first = replica.submit(puts('a', ENOUGH_OPS));
  await turn();
  const second = replica.submit(puts('b', ENOUGH_OPS));
  assert.is(log.endsAskedFor, 0);
  release();
  await Promise.all([first, second]);
});

shares('a delete of a key that is being written sees that write', async () => {
  const test = await openReplica();
  const { first, release } = await duringAPut(test);
  const deleted = test.replica.submit([deleting('first')]);
  release();
  await first;
  const [outcome] = await deleted;
  assert.is(outcome?.kind === 'deleted' && outcome.existed, true);
});

shares.run();
