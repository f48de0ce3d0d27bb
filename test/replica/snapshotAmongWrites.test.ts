import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compactor } from '../../src/replica/compact.ts';
import { memberValue } from '../../src/rules/members.ts';
import type { Op } from '../../src/words/op.ts';
import { put, sumOf, tombstone } from '../support/ops.ts';
import {
  deleting,
  openReplica,
  PEER,
  putting,
  stateOf,
  type TestReplica,
} from '../support/replicas.ts';
import { afterCrash, catchUp, collect, openEmpty, sortedEntries, stream } from './snapshots.ts';

const streams = suite('a snapshot among writes');

const KEYS = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom(...KEYS);
const write = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      ttlMs: fc.option(fc.integer({ min: 1, max: 30 }), { nil: null }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      key,
      version: fc.nat(4),
      isPut: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('admit' as const), number: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('collect' as const), behind: fc.nat(4) }) },
);
type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;

async function apply({ replica, clock }: TestReplica, one: Write, peerOps: Op[]): Promise<void> {
  switch (one.kind) {
    case 'put':
      await replica.submit([putting(one.key, { version: 'next', ttlMs: one.ttlMs })]);
      return;
    case 'delete':
      await replica.submit([deleting(one.key)]);
      return;
    case 'wait':
      clock.nowMs += one.ms;
      return;
    case 'admit':
      return replica.membership.admit(
        `node${one.number}.member`,
        memberValue(`node${one.number}`, null),
      );
    case 'collect':
      return collect(replica, one.behind);
    case 'receive': {
      const after = peerOps.length;
      // Where there is no entry, an op can't be older than what was collected (rule 9).
      const generation = replica.map.get(one.key)?.generation ?? replica.header.horizon;
      const fields = { origin: PEER, seq: after + 1, hlc: after + 1, key: one.key, generation };
      const op = one.isPut
        ? put({ ...fields, version: one.version })
        : tombstone({ ...fields, version: one.version });
      peerOps.push(op);
      const range = { origin: PEER, after, to: after + 1, sum: sumOf(peerOps) };
      assert.is((await replica.receive({ ranges: [range], ops: [op] })).kind, 'applied');
    }
  }
}

streams(
  'after any history, with any writes meanwhile, snapshot and deltas bring the same map, and it replays',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 30 }),
        fc.nat(20),
        fc.array(fc.array(write, { maxLength: 3 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (before, retentionMs, meanwhile, maxRows) => {
          const sender = await openReplica();
          const peerOps: Op[] = [];
          for (const one of before) await apply(sender, one, peerOps);
          await new Compactor(sender.replica, retentionMs).run();
          const atStart = sortedEntries(sender.replica);
          const receiver = await openEmpty();
          const limit = { maxRows, maxBytes: 1e6 };
          await stream(sender.replica, receiver.replica, limit, async (part) => {
            for (const one of meanwhile[part - 1] ?? []) await apply(sender, one, peerOps);
          });
          assert.equal(sortedEntries(receiver.replica), atStart);
          receiver.replica.forgetting.raiseHorizon(sender.replica.header.horizon);
          await catchUp(sender.replica, receiver.replica);
          for (const { clock } of [sender, receiver]) clock.nowMs = 1_795_000_001_000;
          for (const { replica } of [sender, receiver]) await collect(replica);
          assert.equal(sortedEntries(receiver.replica), sortedEntries(sender.replica));
          assert.equal(
            new Map([...receiver.replica.vector].sort()),
            new Map([...sender.replica.vector].sort()),
          );
          for (const origin of sender.replica.vector.keys())
            assert.equal(receiver.replica.record(origin).sum, sender.replica.record(origin).sum);
          assert.equal(
            [...receiver.replica.members.all()].map(({ origin }) => origin).sort(),
            [...sender.replica.members.all()].map(({ origin }) => origin).sort(),
          );
          const { replica: reopened } = await afterCrash(receiver);
          assert.equal(stateOf(reopened), stateOf(receiver.replica));
        },
      ),
      { numRuns: 150 },
    );
  },
);

streams.run();
