/** Closing of retired origins in a replica (rule 13): it changes nothing but what names origins. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Tokens } from '../../src/http/answer/tokens.ts';
import type { Replica } from '../../src/replica/replica.ts';
import { memberValue } from '../../src/rules/members.ts';
import { type Hash, subtract, ZERO } from '../../src/words/hash.ts';
import type { Op } from '../../src/words/op.ts';
import { closeOrigin } from '../support/closings.ts';
import { history, put, sumOf, tombstone } from '../support/ops.ts';
import { openReplica, putting, type TestReplica } from '../support/replicas.ts';

const OWN = 'node1.aaaaaa';
const GONE = ['node2.bbbbbb', 'node3.cccccc', 'node4.dddddd'] as const;

/** Takes in ops of one origin, in order of seq, after those that the replica holds. */
async function receive({ replica }: TestReplica, ops: readonly Op[]): Promise<void> {
  const [first] = ops;
  if (first === undefined) return;
  const { origin } = first;
  const { seq, sum: held } = replica.record(origin);
  const sum: Hash = subtract(sumOf(ops), subtract(ZERO, held));
  await replica.receive({ ranges: [{ origin, after: seq, to: seq + ops.length, sum }], ops });
}

/** A member that holds three ops of another one, which is retired. */
async function withRetired(): Promise<TestReplica> {
  const test = await openReplica();
  await test.replica.membership.form('the cluster', memberValue('node1', null));
  await receive(test, history(GONE[0], 1, 3));
  await test.replica.membership.retire(GONE[0]);
  return test;
}

/** All that a closing may not change. */
const foldOf = (replica: Replica) => ({
  entries: [...replica.map.entries()].sort((a, b) => (a.key < b.key ? -1 : 1)),
  mapSum: replica.mapSum(0),
  retiredSum: replica.retiredSum,
  ofGone: GONE.map((origin) => replica.record(origin)),
  members: [...replica.members.all()],
});

const closing = suite('closing an origin (rule 13)');

closing('it leaves the vector and the reach, and its ops are still held', async () => {
  const test = await withRetired();
  const { replica } = test;
  const before = foldOf(replica);
  await closeOrigin(replica, GONE[0], 3);
  assert.equal([...replica.vector.keys()], [OWN]);
  assert.is(replica.vector.get(GONE[0]), 3);
  assert.is(replica.wholeVector().get(GONE[0]), 3);
  assert.equal([...replica.reach().keys()], []);
  assert.equal(replica.closings.pair.count, 1);
  assert.equal(replica.members.retires, []);
  assert.equal(foldOf(replica), before);
});

closing(
  'the commit decides: not one that is no more retired, has more ops, or is closed',
  async () => {
    const test = await withRetired();
    const { replica } = test;
    const { lastLsn } = replica;
    await closeOrigin(replica, OWN, 2);
    await closeOrigin(replica, GONE[0], 2);
    assert.is(replica.lastLsn, lastLsn);
    await Promise.all([closeOrigin(replica, GONE[0], 3), closeOrigin(replica, GONE[0], 3)]);
    await closeOrigin(replica, GONE[0], 3);
    assert.is(replica.lastLsn, lastLsn + 1);
  },
);

closing('it waits for the last op, whichever comes first', async () => {
  const [closer, test] = [await withRetired(), await openReplica({ nodeId: 'node9' })];
  await closeOrigin(closer.replica, GONE[0], 3);
  const ofCloser = await closer.log.opsAfter(OWN, 0, { maxRows: 100, maxBytes: 1e6 });
  await receive(test, history(GONE[0], 1, 2));
  await receive(test, ofCloser);
  assert.equal([...test.replica.vector.keys()].sort(), [OWN, GONE[0]]);
  await receive(test, history(GONE[0], 1, 3).slice(2));
  assert.equal([...test.replica.vector.keys()], [OWN]);
  assert.equal(test.replica.closings.pair, closer.replica.closings.pair);
});

/** The same but for the numbers of own ops: the closing is one of them. */
const shownBy = (replica: Replica) => {
  const { entries, mapSum: _sum, ...rest } = foldOf(replica);
  const shown = entries.map(({ key, kind, generation, version, value, origin }) => {
    return { key, kind, generation, version, value, origin };
  });
  return { ...rest, shown };
};

interface Step {
  readonly origin: number;
  readonly key: number;
  readonly kind: 'put' | 'delete' | 'retire' | 'close' | 'own';
}

const step = fc.record({
  origin: fc.nat(GONE.length - 1),
  key: fc.nat(3),
  kind: fc.constantFrom('put', 'put', 'delete', 'own', 'retire', 'close' as const),
});

async function take(test: TestReplica, { origin: index, key, kind }: Step, closes: boolean) {
  const { replica } = test;
  const origin = GONE[index] ?? GONE[0];
  const { seq } = replica.record(origin);
  const fields = { origin, seq: seq + 1, hlc: 1000 + seq, key: `k${key}` };
  if (kind === 'own') await replica.submit([putting(`k${key}`, { version: 'next' })]);
  else if (kind === 'retire') await replica.membership.retire(origin);
  else if (kind === 'close' && closes) await closeOrigin(replica, origin, seq);
  else if (kind !== 'close' && !replica.closings.has(origin))
    await receive(test, [
      kind === 'put' ? put({ ...fields, version: seq + 1 }) : tombstone(fields),
    ]);
}

closing(
  'of any history, the fold with closings is that without, now and after a restart',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const [closed, open] = [await openReplica(), await openReplica()];
        for (const one of steps) {
          const isTaken = !closed.replica.closings.has(GONE[one.origin] ?? '');
          await take(closed, one, true);
          if (isTaken || one.kind === 'own' || one.kind === 'retire') await take(open, one, false);
        }
        assert.equal(shownBy(closed.replica), shownBy(open.replica));
        const again = await openReplica({ stored: closed.log.stored() });
        assert.equal(foldOf(again.replica), foldOf(closed.replica));
        assert.equal([...again.replica.vector].sort(), [...closed.replica.vector].sort());
        assert.equal(again.replica.closings.all(), closed.replica.closings.all());
        assert.equal(again.replica.wholeVector(), closed.replica.wholeVector());
      }),
      { numRuns: 100 },
    );
  },
);

closing('after 2,000 origins in one history a token has less than 200 characters', async () => {
  const test = await openReplica({ limits: { maxQueuedOps: 100_000 } });
  const { replica } = test;
  await replica.membership.form('0123456789abcdef', memberValue('node1', null));
  const origins = Array.from({ length: 2000 }, (_, number) => `node${number % 3}.q${number}`);
  const tokens = new Tokens(replica);
  // A node takes ops of no more than 1,000 origins at a time that no member let in (rules/newOrigins.ts).
  for (const some of [origins.slice(0, 1000), origins.slice(1000)]) {
    const histories = some.map((origin) => history(origin, 1, 1));
    await replica.receive({
      ranges: histories.map((ops, index) => {
        return { origin: some[index] ?? '', after: 0, to: 1, sum: sumOf(ops) };
      }),
      ops: histories.flat(),
    });
    await Promise.all(some.map((origin) => replica.membership.retire(origin)));
  }
  assert.ok(tokens.whole().length > 20_000);
  await Promise.all(origins.map((origin) => closeOrigin(replica, origin, 1)));
  assert.is(replica.closings.count, 2000);
  assert.ok(tokens.whole().length < 200, tokens.whole());
  assert.equal([...replica.vector.keys()], [OWN]);
});

closing.run();
