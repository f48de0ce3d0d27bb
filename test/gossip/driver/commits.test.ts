/** The replica's part of the core's decisions, and the outcome that the core is given. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Commits } from '../../../src/gossip/driver/commits.ts';
import type { Input, OutputOf } from '../../../src/gossip/protocol/inputOutput.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { BrokenInvariantError } from '../../../src/words/errors.ts';
import { ZERO } from '../../../src/words/hash.ts';
import { MAX_COUNTER, type Op } from '../../../src/words/op.ts';
import type { SnapshotEnd } from '../../../src/words/snapshot.ts';
import { NO_TRACER, type Tracer } from '../../../src/words/trace.ts';
import { digestOf, testCore } from '../../support/cores.ts';
import { history, put, sumOf } from '../../support/ops.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  type TestReplica,
  type TestReplicaOptions,
} from '../../support/replicas.ts';

interface World extends TestReplica {
  readonly commits: Commits;
  /** The inputs that the core was given. */
  readonly inputs: Input[];
  readonly warnings: string[];
  /** The answers that are in the log: the peer's origin and the ops that were new. */
  readonly takenIn: [from: string, ops: number][];
}

async function world(options: TestReplicaOptions = {}, tracer: Tracer = NO_TRACER): Promise<World> {
  const opened = await openReplica(options);
  const inputs: Input[] = [];
  const warnings: string[] = [];
  const takenIn: World['takenIn'] = [];
  const commits = new Commits({
    replica: opened.replica,
    tracer,
    step: (input) => inputs.push(input),
    takenIn: (_connection, from, ops) => takenIn.push([from, ops]),
    warn: (text) => warnings.push(text),
    warnRarely: (text) => warnings.push(text),
  });
  return { ...opened, commits, inputs, warnings, takenIn };
}

const taking = (
  fields: Partial<Omit<OutputOf<'take'>, 'kind'>> = {},
): Omit<OutputOf<'take'>, 'kind'> & { readonly kind: 'take' } => ({
  kind: 'take',
  connection: 7,
  delta: deltaOf(0, 2),
  from: PEER,
  pull: 3,
  more: false,
  ...fields,
});

const NOTHING = { ranges: [], ops: [] };

const takes = suite('ops of peers');

takes('an answer is taken in, and its outcome told with the number of the pull', async () => {
  const { commits, inputs, takenIn, replica } = await world();
  await commits.take(taking({ more: true }));
  const outcome = { kind: 'applied', ops: 2 };
  assert.equal(inputs, [{ kind: 'taken', connection: 7, outcome, pull: 3, more: true }]);
  assert.equal([takenIn, commits.opsReceived, replica.record(PEER).seq], [[[PEER, 2]], 2, 2]);
});

takes('a push is no answer to a pull', async () => {
  const { commits, inputs, takenIn } = await world();
  await commits.take(taking({ pull: null }));
  const outcome = { kind: 'applied', ops: 2 };
  assert.equal(inputs, [{ kind: 'taken', connection: 7, outcome, pull: null, more: false }]);
  assert.equal([takenIn, commits.opsReceived], [[], 2]);
});

takes(
  'a replica that takes nothing refuses ops with a warning, and needs none for none',
  async () => {
    const { commits, inputs, replica, warnings, takenIn } = await world();
    await replica.suspend();
    await commits.take(taking({ delta: NOTHING }));
    await commits.take(taking());
    assert.equal(
      inputs.map((input) => input.kind === 'taken' && input.outcome),
      [{ kind: 'applied', ops: 0 }, { kind: 'refused' }],
    );
    assert.is(warnings.length, 1);
    assert.match(warnings[0] ?? '', /ops of a peer are not taken now/);
    assert.equal(
      [takenIn, commits.opsReceived],
      [
        [
          [PEER, 0],
          [PEER, 0],
        ],
        0,
      ],
    );
  },
);

takes('a fault of this node is thrown, and the answer is over all the same', async () => {
  for (const fault of [new Error('a mistake'), new BrokenInvariantError('a mistake')]) {
    const { commits, inputs, replica } = await world();
    replica.receive = () => Promise.reject(fault);
    await commits.take(taking()).then(
      () => assert.unreachable(),
      (error: unknown) => assert.is(error, fault),
    );
    assert.equal(
      inputs.map((input) => input.kind === 'taken' && input.outcome),
      [{ kind: 'refused' }],
    );
  }
});

takes('ops that were born for a traced request are taken in within a span', async () => {
  const spans: unknown[] = [];
  const tracer: Tracer = {
    isOn: true,
    begin: ({ name, for: traces, facts }) => ({
      traceId: null,
      traceParent: null,
      end: (end) => spans.push([name, traces, facts, end]),
    }),
  };
  const { commits, inputs } = await world({}, tracer);
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  await commits.take(taking({ traces: [trace] }));
  assert.equal(spans, [
    [
      'hearsay.apply',
      [trace],
      { 'hearsay.peer.origin': PEER, 'hearsay.ops': 2 },
      { 'hearsay.outcome': 'applied' },
    ],
  ]);
  assert.is(inputs.length, 1);
  await commits.take(taking({ delta: deltaOf(2, 3) }));
  assert.is(spans.length, 1);
});

takes.run();

const snapshots = suite('parts of a snapshot');

const endOf = (ops: readonly Op[]): SnapshotEnd => ({
  vector: new Map([[PEER, ops.length]]),
  sums: new Map([[PEER, sumOf(ops)]]),
  reach: new Map(),
  horizon: 0,
});

const part = (
  fields: Partial<Omit<OutputOf<'takeSnapshot'>, 'kind'>>,
): OutputOf<'takeSnapshot'> => ({
  kind: 'takeSnapshot',
  connection: 7,
  part: 0,
  rows: [],
  origins: null,
  end: null,
  ...fields,
});

const rowsOf = (ops: readonly Op[]) => ops.map((op) => ({ op, isEntry: true }));

snapshots('each is stored, and the last one ends it', async () => {
  const { commits, inputs, replica, warnings } = await world({ nodeId: 'node3' });
  const ops = history(PEER, 1, 2);
  const other = history('peer8.aaaaaa', 1, 1);
  const origins = {
    vector: new Map([['peer8.aaaaaa', 1]]),
    sums: new Map([['peer8.aaaaaa', sumOf(other)]]),
    reach: new Map(),
  };
  await commits.takeSnapshot(part({ rows: rowsOf(ops.slice(0, 1)) }));
  assert.is(replica.header.facts.snapshot, 'underWay');
  await commits.takeSnapshot(part({ part: 1, rows: rowsOf([...ops.slice(1), ...other]), origins }));
  await commits.takeSnapshot(part({ part: 2, end: endOf(ops) }));
  assert.equal(
    inputs.map((input) => input.kind === 'tookSnapshot' && [input.part, input.ended, input.ok]),
    [
      [0, false, true],
      [1, false, true],
      [2, true, true],
    ],
  );
  assert.is(replica.header.facts.snapshot, 'taken');
  assert.equal([replica.record(PEER).seq, replica.record('peer8.aaaaaa').seq], [2, 1]);
  assert.equal(warnings, []);
});

const outcomesOf = ({ inputs }: World): unknown[] =>
  inputs.map((input) => input.kind === 'tookSnapshot' && [input.ended, input.ok, input.fault]);

snapshots('a log that has taken other rows takes no part, nor an end', async () => {
  const made = await world({ nodeId: 'node3' });
  made.replica.readiness.allowWrites();
  await made.replica.submit([putting('a')]);
  const ops = history(PEER, 1, 1);
  await made.commits.takeSnapshot(
    part({ rows: rowsOf(ops), origins: endOf(ops), end: endOf(ops) }),
  );
  assert.equal(outcomesOf(made), [[true, false, null]]);
  assert.is(made.replica.record(PEER).seq, 0);
  assert.is(made.replica.incomingSnapshot.bytes, 0, 'its origins are not kept');
});

snapshots(
  'a part that cannot be as it says is a fault of its sender, told to nobody else',
  async () => {
    const ops = history(PEER, 1, 2);
    const row = { op: put({ origin: PEER }), isEntry: true };
    for (const [fields, fault, limits] of [
      [
        { rows: rowsOf(ops), end: { ...endOf(ops), sums: new Map([[PEER, ZERO]]) } },
        /their sum/,
        {},
      ],
      [{ rows: rowsOf(ops) }, /more than 200 bytes/, { maxSnapshotBytes: 200 }],
      [{ rows: [row, row] }, /./, {}],
    ] as const) {
      const made = await world({ nodeId: 'node3', limits });
      await made.commits.takeSnapshot(part(fields));
      const [input] = made.inputs;
      assert.ok(input?.kind === 'tookSnapshot');
      assert.is(input.ok, false);
      assert.match(input.fault ?? '', fault);
      assert.equal(made.warnings, []);
    }
  },
);

snapshots('a full disk is no fault of its sender, and is told', async () => {
  const made = await world({ nodeId: 'node3' });
  made.log.failNextAppend('full');
  await made.commits.takeSnapshot(part({ rows: rowsOf(history(PEER, 1, 1)) }));
  assert.equal(outcomesOf(made), [[false, false, null]]);
  assert.match(made.warnings.join(), /The disk is full/);
});

snapshots('a fault of this node is thrown', async () => {
  for (const fault of [new Error('a mistake'), new BrokenInvariantError('a mistake')]) {
    const { commits, replica, inputs } = await world({ nodeId: 'node3' });
    replica.incomingSnapshot.takeRows = () => Promise.reject(fault);
    await commits.takeSnapshot(part({ rows: rowsOf(history(PEER, 1, 1)) })).then(
      () => assert.unreachable(),
      (error: unknown) => assert.is(error, fault),
    );
    assert.equal(inputs, []);
  }
});

snapshots.run();

const others = suite('admitting and collecting');

others('a peer is admitted in the log before it is answered', async () => {
  const { commits, inputs, replica } = await world();
  const question = { digest: digestOf(testCore().view), closedCount: 0, re: 5 };
  const value = memberValue('node2', null);
  await commits.admit({ kind: 'admit', connection: 7, origin: PEER, value, ...question });
  assert.ok(replica.members.has(PEER));
  assert.equal(inputs, [{ kind: 'admitted', connection: 7, ...question }]);
});

others('one collection is under way at a time, and what it collects is counted', async () => {
  const { commits, replica, clock, holdDisk } = await world();
  replica.readiness.allowWrites();
  const deletes = async (key: string) => {
    await replica.submit([putting(key), deleting(key)]);
    clock.nowMs += 1000;
    return { vector: new Map([[replica.origin, MAX_COUNTER]]), clock: clock.nowMs };
  };
  const stable = await deletes('a');
  const goOn = holdDisk();
  const first = commits.collect(stable);
  await commits.collect(stable);
  goOn();
  await first;
  assert.is(commits.collected, 1);
  await commits.collect(await deletes('b'));
  assert.is(commits.collected, 2);
});

others.run();
