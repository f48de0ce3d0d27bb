/** Pushes beyond a full mesh, with the real replica: what is new goes on along eager links, and lazy ones are told. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pushes, pushTexts } from '../../../src/gossip/driver/pushes.ts';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { encodeOp } from '../../../src/gossip/protocol/opCodec.ts';
import type { Targets } from '../../../src/gossip/protocol/spread.ts';
import type { Transport } from '../../../src/gossip/transport.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { ZERO } from '../../../src/words/hash.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { NO_TRACER, type Tracer } from '../../../src/words/trace.ts';
import { put, row } from '../../support/ops.ts';
import { deltaOf, openReplica, PEER, putting } from '../../support/replicas.ts';

interface Sent {
  readonly connection: number;
  readonly text: string;
}

const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

const haveOf = (seq: number) => ({
  type: 'have',
  seqs: { base: null, steps: [], added: new Map([[PEER, seq]]) },
});

/** A member whose peers 1 and 2 are links. */
async function member({
  isMesh = true,
  targets = { eager: [1], lazy: [2] } as Targets,
  isHeld = (_seq: number): boolean => false,
  bufferedBytes = 0,
  losePush = false,
} = {}) {
  const { replica, clock } = await openReplica();
  await replica.membership.form('the cluster', memberValue('node1', null));
  replica.readiness.allowWrites();
  const sent: Sent[] = [];
  const transport: Transport = {
    listen: () => {},
    dial: () => {},
    send: (connection, text) => sent.push({ connection, text }),
    bufferedBytes: () => bufferedBytes,
    close: () => {},
    stop: async () => {},
  };
  /** The facts of the spans that have begun. */
  const spans: unknown[] = [];
  const tracer: Tracer = {
    ...NO_TRACER,
    begin: (span) => {
      spans.push(span.facts);
      return NO_TRACER.begin(span);
    },
  };
  const pushes = new Pushes({
    replica,
    transport,
    tracer,
    targets: () => [1, 2],
    isMesh: () => isMesh,
    spreadTargets: () => targets,
    haveFor: (_connection, added) => ({ type: 'have', seqs: { base: null, steps: [], added } }),
    isHeld: (_connection, _origin, seq) => isHeld(seq),
    steadyMs: () => clock.nowMs,
    losePush: () => losePush,
  });
  replica.onCommit((committed) => pushes.push(committed));
  const told = () =>
    sent.splice(0).map(({ connection, text }) => ({ connection, message: decodeMessage(text) }));
  return { replica, clock, pushes, spans, told };
}

const pushes = suite('pushes');

pushes(
  'in a full mesh a node pushes its own ops to all, and those of others to nobody',
  async () => {
    const { replica, told } = await member({ isMesh: false });
    await replica.submit([putting('a')]);
    assert.equal(
      told().map(({ connection }) => connection),
      [1, 2],
    );
    await replica.receive(deltaOf(0, 3));
    assert.equal(told(), []);
  },
);

pushes('beyond it what others wrote goes on to eager links, whole and with its sum', async () => {
  const { replica, told } = await member();
  const delta = deltaOf(0, 3);
  await replica.receive(delta);
  const [push, ...more] = told();
  assert.equal(more, []);
  assert.is(push?.connection, 1);
  assert.equal(push?.message, { type: 'push', delta });
});

pushes('a lazy link is not told what it has shown since', async () => {
  const { replica, clock, pushes: pushing, told } = await member({ isHeld: (seq) => seq <= 3 });
  await replica.receive(deltaOf(0, 3));
  told();
  pushing.tick();
  assert.equal(told(), []);
  clock.nowMs += 300;
  await replica.receive(deltaOf(3, 4));
  told();
  pushing.tick();
  assert.equal(
    told().map(({ message }) => message),
    [haveOf(4)],
  );
});

pushes('lazy links are told once in a while, and only the latest', async () => {
  const { replica, clock, pushes: pushing, told } = await member();
  await replica.receive(deltaOf(0, 3));
  await replica.receive(deltaOf(3, 5));
  told();
  pushing.tick();
  assert.equal(told(), [{ connection: 2, message: haveOf(5) }]);
  await replica.receive(deltaOf(5, 6));
  told();
  clock.nowMs += 100;
  pushing.tick();
  assert.equal(told(), []);
  clock.nowMs += 200;
  pushing.tick();
  assert.equal(
    told().map(({ message }) => message.type),
    ['have'],
  );
  clock.nowMs += 1000;
  pushing.tick();
  assert.equal(told(), []);
});

pushes('a link that is gone is told nothing more', async () => {
  const { replica, pushes: pushing, told } = await member();
  await replica.receive(deltaOf(0, 1));
  told();
  pushing.drop(2);
  pushing.tick();
  assert.equal(told(), []);
});

pushes('a quarter of a second later a lazy link is told again', async () => {
  const { replica, clock, pushes: pushing, told } = await member();
  await replica.receive(deltaOf(0, 1));
  told();
  pushing.tick();
  await replica.receive(deltaOf(1, 2));
  told();
  clock.nowMs += 249;
  pushing.tick();
  assert.equal(told(), []);
  clock.nowMs += 1;
  pushing.tick();
  assert.is(told().length, 1);
});

pushes('what a connection does not take at once is shed, and a pull brings it', async () => {
  const limit = (await openReplica()).replica.limits.maxPeerBufferBytes;
  for (const [bufferedBytes, sent] of [
    [limit, 2],
    [limit + 1, 0],
  ] as const) {
    const { replica, pushes: pushing, told } = await member({ isMesh: false, bufferedBytes });
    await replica.submit([putting('a')]);
    assert.equal([told().length, pushing.sent, pushing.shed], [sent, sent, 2 - sent]);
  }
});

pushes('a push that a test loses is neither sent nor shed', async () => {
  const { replica, pushes: pushing, told } = await member({ isMesh: false, losePush: true });
  await replica.submit([putting('a')]);
  assert.equal([told(), pushing.sent, pushing.shed], [[], 0, 0]);
});

pushes('the pushes of requests that are traced have a span, and others have none', async () => {
  for (const isMesh of [false, true]) {
    const { pushes: pushing, replica, spans } = await member({ isMesh });
    const { origin } = replica;
    const rows = [{ row: row(1, put({ origin })), wire: null, touched: null }];
    pushing.push({ rows, origin, traces: new Map() });
    assert.equal(spans, []);
    const [one] = rows;
    assert.ok(one);
    pushing.push({ rows, origin, traces: new Map([[one.row, TRACE]]) });
    assert.equal(spans, [{ 'hearsay.ops': 1, 'hearsay.peers': isMesh ? 1 : 2 }]);
  }
});

pushes('beyond a full mesh ops of others, and pushes to nobody, have no span', async () => {
  for (const [origin, targets] of [
    [PEER, { eager: [1], lazy: [] }],
    [null, { eager: [], lazy: [] }],
  ] as const) {
    const { pushes: pushing, replica, spans } = await member({ targets });
    const op = put({ origin: origin ?? replica.origin });
    const rows = [{ row: row(1, op), wire: null, touched: null }];
    const [one] = rows;
    assert.ok(one);
    pushing.push({ rows, origin: replica.origin, traces: new Map([[one.row, TRACE]]) });
    assert.equal(spans, []);
  }
});

pushes('a push has as many ops as a delta may, and begins another at so many bytes', () => {
  const rows = [1, 2, 3, 4].map((seq) => ({
    row: row(seq, put({ seq })),
    wire: null,
    touched: null,
  }));
  const [first] = rows;
  assert.ok(first);
  const opBytes = encodeOp(first.row.op).length;
  const counts = (maxDeltaOps: number, maxDeltaBytes: number): number[] =>
    pushTexts(rows, ZERO, { maxDeltaOps, maxDeltaBytes }, new Map()).map((text) => {
      const message = decodeMessage(text);
      return message.type === 'delta' ? message.delta.ops.length : 0;
    });
  assert.equal(counts(9, 9e9), [4]);
  assert.equal(counts(2, 9e9), [2, 2]);
  assert.equal(counts(9, opBytes), [1, 1, 1, 1]);
  assert.equal(counts(9, opBytes + 1), [2, 2]);
});

pushes('a push names the spans of those of its requests that are traced', () => {
  const rows = [1, 2].map((seq) => ({ row: row(seq, put({ seq })), wire: null, touched: null }));
  const [first] = rows;
  assert.ok(first);
  const [text = ''] = pushTexts(rows, ZERO, defaultLimits, new Map([[first.row, TRACE]]));
  const message = decodeMessage(text);
  assert.equal(message.type === 'delta' && message.traces, [TRACE]);
});

pushes.run();
