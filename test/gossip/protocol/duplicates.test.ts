import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Input, Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { Message } from '../../../src/gossip/protocol/messages.ts';
import {
  digestOf,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership, put } from '../../support/ops.ts';

const SMALLER = originOf(1);
const GREATER = originOf(2);
const URL = 'http://localhost:8002';

const duplicates = suite('two connections for one pair');

/** The connection that stays, of one that we dialled (1) and one that the peer did (2). */
function staying(own: string, peer: string, order: readonly (1 | 2)[]) {
  const { core, greet } = testCore({ origin: own, others: [peer] });
  const outputs = order.map((connection) =>
    greet(connection, { origin: peer }, connection === 1 ? URL : null),
  );
  return { stays: core.pushTargets(), last: outputs.at(-1) ?? [] };
}

duplicates('the one dialled by the smaller origin stays, whichever greeted first', () => {
  for (const order of [
    [1, 2],
    [2, 1],
  ] as const) {
    assert.equal(staying(SMALLER, GREATER, order).stays, [1]);
    assert.equal(staying(GREATER, SMALLER, order).stays, [2]);
  }
});

duplicates('the other one is told why, and closed', () => {
  for (const [order, loser] of [
    [[1, 2], 2],
    [[2, 1], 2],
  ] as const) {
    const { last } = staying(SMALLER, GREATER, order);
    const [error] = sent(last, 'error');
    assert.equal([error?.connection, error?.message.code], [loser, 'duplicate']);
    assert.equal(
      ofKind(last, 'close').map(({ connection }) => connection),
      [loser],
    );
    assert.not.match(JSON.stringify(ofKind(last, 'note')), /no longer connected/);
  }
});

duplicates('a node that is told so waits for the close, and takes it for no refusal', () => {
  const { core, greet, receive } = testCore({ origin: SMALLER, others: [GREATER] });
  greet(1, { origin: GREATER }, URL);
  assert.equal(receive(1, { type: 'error', code: 'duplicate', reason: 'another one stays' }), []);
  assert.equal(core.pushTargets(), [1]);
});

duplicates('of two dialled from one side the newer stays, as the older may be half dead', () => {
  for (const [own, peer] of [
    [SMALLER, GREATER],
    [GREATER, SMALLER],
  ] as const)
    for (const dialledUrl of [null, URL]) {
      const { core, greet } = testCore({ origin: own, others: [peer] });
      greet(1, { origin: peer }, dialledUrl);
      greet(2, { origin: peer }, dialledUrl);
      assert.equal(core.pushTargets(), [2]);
    }
});

const PART: Message = {
  type: 'snapshot',
  part: 0,
  rows: [{ op: put({ origin: GREATER }), isEntry: true }],
  origins: null,
  end: null,
  re: 1,
};

duplicates('the one that brings a snapshot stays, while it is heard', () => {
  for (const [laterMs, stays] of [
    [4999, 1],
    [5000, 2],
  ] as const) {
    const settings = { url: 'http://one' };
    const { core, greet, receive, clock } = testCore({ origin: SMALLER, joined: false, settings });
    // The peer has dialled both, so that the newer one would stay.
    assert.equal(pulledFrom(greet(1, { origin: GREATER })), [1]);
    assert.is(ofKind(receive(1, PART), 'takeSnapshot').length, 1);
    clock.nowMs += laterMs;
    greet(2, { origin: GREATER });
    assert.equal(core.pushTargets(), [stays]);
  }
});

duplicates('the one that takes a snapshot stays, until its peer asks by a digest', () => {
  const node = testCore({ origin: SMALLER });
  assert.is(ofKind(node.tick(), 'ready').length, 1);
  node.view.reach = () => new Map([[SMALLER, 1]]);
  const fresh = { origin: GREATER, joined: false, clusterId: null };
  const empty = digestOf(node.view, { vector: new Map(), sums: new Map() });
  const question = { digest: empty, closedCount: 0, re: 4 };
  node.greet(1, fresh);
  assert.is(ofKind(node.receive(1, { type: 'digest', digest: empty, re: 4 }), 'admit').length, 1);
  node.view.members.fold(membership({ key: GREATER }));
  const outputs = node.step({ kind: 'admitted', connection: 1, ...question });
  assert.is(ofKind(outputs, 'snapshot').length, 1);
  const closed = (outputs: readonly Output[]) =>
    ofKind(outputs, 'close').map(({ connection }) => connection);
  assert.equal(closed(node.greet(2, fresh)), [2]);
  node.receive(1, { type: 'digest', digest: digestOf(node.view), re: 5 });
  assert.equal(closed(node.greet(3, fresh)), [1]);
});

duplicates('the pull goes over the connection that stays', () => {
  const { greet } = testCore({ origin: SMALLER, others: [GREATER] });
  const first = greet(2, { origin: GREATER });
  assert.equal(pulledFrom(first), [2]);
  const second = greet(1, { origin: GREATER }, URL);
  assert.equal(pulledFrom(second), [1]);
});

duplicates('connections to different peers are no duplicates', () => {
  const { core, greet } = testCore({ others: [originOf(2), originOf(3)] });
  greet(1, { origin: originOf(2) });
  greet(2, { origin: originOf(3) });
  assert.equal(core.pushTargets(), [1, 2]);
});

duplicates('a peer whose URL is connected either way is not dialled there', () => {
  const { greet, step, tick } = testCore({
    origin: SMALLER,
    others: [GREATER],
    settings: { urls: [URL] },
  });
  greet(2, { origin: GREATER, url: URL });
  assert.equal(ofKind(tick(), 'dial'), []);
  step({ kind: 'closed', connection: 2, reason: 'it broke' });
  assert.equal(ofKind(tick(), 'dial'), [{ kind: 'dial', url: URL }]);
});

// Both ends of both connections, with what travels between them in any order that keeps each
// connection's own order, as sockets do.
interface End {
  readonly node: TestCore;
  readonly connection: number;
  readonly dialledUrl: string | null;
  /** Messages that have still to arrive here. */
  readonly inbox: Input[];
  closed: boolean;
}

duplicates(
  'both sides keep the same connection, however hellos and closes overtake each other',
  () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
        fc.boolean(),
        (picks, knowsUrls) => {
          const nodes = [SMALLER, GREATER].map((origin) =>
            testCore({
              origin,
              others: [SMALLER, GREATER].filter((other) => other !== origin),
              settings: { url: knowsUrls ? `http://${origin}` : null },
            }),
          ) as [TestCore, TestCore];
          const ends: [End, End][] = [0, 1].map((dialler) => {
            const at = (index: number): End => ({
              node: nodes[index] as TestCore,
              connection: dialler + 1,
              dialledUrl: index === dialler ? URL : null,
              inbox: [],
              closed: false,
            });
            return [at(0), at(1)];
          });
          const all = ends.flat();
          const farOf = (end: End): End =>
            ends.flatMap(([a, b]) => (a === end ? [b] : b === end ? [a] : []))[0] as End;
          for (const { inbox, connection, dialledUrl } of all)
            inbox.push({ kind: 'opened', connection, dialledUrl });

          for (const pick of picks) {
            const due = all.filter(({ inbox }) => inbox.length > 0);
            const end = due[pick % Math.max(1, due.length)];
            const input = end?.inbox.shift();
            if (end === undefined || input === undefined) break;
            if (end.closed && input.kind !== 'closed') continue;
            carryOut(end, end.node.step(input), all, farOf);
          }
          assert.equal(
            all.filter(({ inbox }) => inbox.length > 0),
            [],
            'everything has arrived',
          );
          assert.equal(
            nodes.map(({ core }) => core.pushTargets()),
            [[1], [1]],
          );
        },
      ),
      { numRuns: 500 },
    );
  },
);

/** Hellos, errors and closes travel; pulls stay unanswered. */
function carryOut(
  end: End,
  outputs: readonly Output[],
  all: readonly End[],
  farOf: (end: End) => End,
): void {
  for (const output of outputs) {
    if (output.kind !== 'send' && output.kind !== 'close') continue;
    const { connection } = output;
    const from = all.find((one) => one.node === end.node && one.connection === connection) as End;
    const { inbox } = farOf(from);
    if (output.kind === 'send') {
      const { message } = output;
      if (message.type !== 'digest') inbox.push({ kind: 'message', connection, message });
    } else {
      from.closed = true;
      inbox.push({ kind: 'closed', connection, reason: output.reason });
    }
  }
}

duplicates.run();
