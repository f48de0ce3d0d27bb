/** The tree that ops spread along beyond a full mesh: which link leads to the root, and when another takes its place. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { Message } from '../../../src/gossip/protocol/messages.ts';
import { ZERO } from '../../../src/words/hash.ts';
import {
  digestOf,
  emptyAnswer,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';

const [ROOT, TWO, THREE, FOUR] = [originOf(1), originOf(2), originOf(3), originOf(4)];
const OWN = originOf(5);
/** Longer than a round. */
const ROUND_OVER_MS = 9000;
/** Longer than a node waits for shorter ways. */
const CHOOSES_MS = 2500;

/** A member of five with lazy links to the others, beyond a mesh limit of three. */
function meshed(): TestCore {
  const others = [ROOT, TWO, THREE, FOUR];
  const node = testCore({ origin: OWN, others, settings: { meshLimit: 3, joinTimeoutMs: 1000 } });
  for (const [connection, origin] of others.entries()) meets(node, connection, origin);
  return node;
}

/** The node gets a lazy link to a member that holds no more than it does. */
function meets(node: TestCore, connection: number, origin: string): void {
  node.greet(connection, { origin });
  node.receive(connection, emptyAnswer(digestOf(node.view), false, 1));
  const outcome = { kind: 'applied', ops: 0 } as const;
  node.step({ kind: 'taken', connection, outcome, pull: 1, more: false });
  node.receive(connection, { type: 'prune' });
}

/** A regular round comes by over these links, which tell so many hops. @returns the outputs from its end on. */
function round(node: TestCore, id: string, told: readonly (readonly [number, number?])[]) {
  for (const [connection, hops] of told)
    node.receive(connection, {
      type: 'round',
      id,
      timeMs: 5000,
      ...(hops !== undefined && { hops }),
    });
  node.clock.nowMs += ROUND_OVER_MS;
  return node.tick();
}

const eager = (node: TestCore): readonly number[] => node.core.spreadTargets(ROOT, 99).eager;
const BRANCH: Message = { type: 'graft', branch: true };

const tree = suite('the tree of eager links (rule 7)');

tree(
  'the link that is the fewest hops from the root becomes eager, and its other side is told',
  () => {
    const node = meshed();
    assert.equal(eager(node), []);
    const outputs = round(node, 'a', [
      [1, 2],
      [3, 1],
      [0, 2],
    ]);
    assert.equal(sent(outputs, 'graft'), [{ connection: 3, message: BRANCH }]);
    assert.equal(eager(node), [3]);
  },
);

tree('a node waits two seconds for shorter ways, and then chooses', () => {
  const node = meshed();
  node.receive(1, { type: 'round', id: 'a', timeMs: 5000, hops: 1 });
  node.clock.nowMs += 1999;
  node.tick();
  assert.equal(eager(node), []);
  node.clock.nowMs += 1;
  node.tick();
  assert.equal(eager(node), [1]);
});

tree('of links that are as near the one that told first is taken', () => {
  const node = meshed();
  round(node, 'a', [
    [2, 1],
    [0, 1],
  ]);
  assert.equal(eager(node), [2]);
});

tree('a node tells its links one hop more than it was told', () => {
  const node = meshed();
  const passed = node.receive(1, { type: 'round', id: 'a', timeMs: 5000, hops: 4 });
  assert.equal(new Set(sent(passed, 'round').map(({ message }) => message.hops)), new Set([5]));
});

tree('the link stays while it is nearer to the root, whichever told first', () => {
  const node = meshed();
  round(node, 'a', [[1, 1]]);
  const outputs = round(node, 'b', [
    [0, 1],
    [2, 4],
    [1, 1],
  ]);
  assert.equal([...sent(outputs, 'graft'), ...sent(outputs, 'prune')], []);
});

tree('who hears of a shorter way tells the other links again', () => {
  const node = meshed();
  const hears = (
    connection: number,
    hops: number,
  ): readonly (readonly [number, number | undefined])[] =>
    sent(node.receive(connection, { type: 'round', id: 'a', timeMs: 5000, hops }), 'round').map(
      (one) => [one.connection, one.message.hops],
    );
  hears(1, 4);
  assert.equal(hears(2, 4), []);
  assert.equal(hears(3, 2), [
    [0, 3],
    [1, 3],
    [2, 3],
  ]);
  assert.equal(hears(3, 5), [], 'an older word is overtaken');
  node.clock.nowMs += ROUND_OVER_MS;
  node.tick();
  assert.equal(eager(node), [3]);
});

tree('a link that is not among the shortest gives way, and becomes lazy on both sides', () => {
  const node = meshed();
  round(node, 'a', [[1, 1]]);
  const outputs = round(node, 'b', [
    [2, 4],
    [1, 3],
    [0, 1],
  ]);
  assert.equal(sent(outputs, 'graft'), [{ connection: 0, message: BRANCH }]);
  assert.equal(sent(outputs, 'prune'), [{ connection: 1, message: { type: 'prune' } }]);
  assert.equal(eager(node), [0]);
});

tree(
  'a link over which the round did not come nearer gives way: it may lead round in a circle',
  () => {
    const node = meshed();
    round(node, 'a', [[1, 1]]);
    round(node, 'b', [
      [0, 1],
      [1, 2],
    ]);
    assert.equal(eager(node), [0]);
    round(node, 'c', [[2, 1]]);
    assert.equal(eager(node), [2]);
  },
);

tree('a link by which the peer reaches the root stays eager when this node turns elsewhere', () => {
  const node = meshed();
  round(node, 'a', [[1, 1]]);
  node.receive(1, BRANCH);
  assert.equal(sent(round(node, 'b', [[0, 1]]), 'prune'), [
    { connection: 1, message: { type: 'prune' } },
  ]);
  assert.equal(eager(node), [0, 1]);
  node.receive(1, { type: 'prune' });
  assert.equal(eager(node), [0]);
});

tree('where the link is gone the next one that was nearer takes its place', () => {
  const node = meshed();
  round(node, 'a', [
    [1, 1],
    [2, 1],
    [3, 7],
  ]);
  node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.equal(sent(node.tick(), 'graft'), [{ connection: 2, message: BRANCH }]);
  node.step({ kind: 'closed', connection: 2, reason: 'it broke' });
  // The last link was farther from the root, and may reach it by this node.
  assert.equal(sent(node.tick(), 'graft'), []);
});

tree('who makes the link to the root lazy is told again that it is a branch', () => {
  const node = meshed();
  round(node, 'a', [[1, 1]]);
  assert.equal(sent(node.receive(1, { type: 'prune' }), 'graft'), [
    { connection: 1, message: BRANCH },
  ]);
  assert.equal(eager(node), [1]);
  assert.equal(sent(node.receive(0, { type: 'prune' }), 'graft'), []);
});

tree('pushes that bring nothing make no branch lazy, on either side', () => {
  const node = meshed();
  round(node, 'a', [[1, 1]]);
  node.receive(2, BRANCH);
  node.receive(3, { type: 'graft' });
  const useless = (connection: number): readonly Output[] => {
    const ranges = [{ origin: ROOT, after: 6, to: 7, sum: ZERO }];
    node.receive(connection, { type: 'delta', delta: { ranges, ops: [] }, answer: null });
    const outcome = { kind: 'applied', ops: 0 } as const;
    return node.step({ kind: 'taken', connection, outcome, pull: null, more: false });
  };
  for (const connection of [1, 2, 3]) for (let count = 0; count < 3; count++) useless(connection);
  assert.equal(eager(node), [1, 2]);
});

tree('a round without hops changes nothing', () => {
  const node = meshed();
  round(node, 'a', [[1, 1]]);
  round(node, 'b', [[0]]);
  assert.equal(eager(node), [1]);
});

// ---- many nodes

const SIZE = 10;
type Edge = readonly [number, number];

/** A connected graph: each node beyond the first has a link to an earlier one, and some more are drawn. */
const graph = fc
  .tuple(
    fc.tuple(...Array.from({ length: SIZE - 1 }, (_one, index) => fc.nat({ max: index }))),
    fc.array(fc.tuple(fc.nat({ max: SIZE - 1 }), fc.nat({ max: SIZE - 1 })), { maxLength: 20 }),
  )
  .map(([earlier, more]) => {
    const edges = new Map<string, Edge>();
    const all = [...earlier.map((one, index): Edge => [one, index + 1]), ...more];
    for (const [a, b] of all)
      if (a !== b)
        edges.set(`${Math.min(a, b)}-${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b)]);
    return [...edges.values()];
  });

const nameOf = (index: number): string => originOf(10 + index);

/** Members whose links are the edges, all lazy. A connection has the number of the node at its other end. */
function cluster(edges: readonly Edge[]): TestCore[] {
  const names = Array.from({ length: SIZE }, (_one, index) => nameOf(index));
  const settings = { meshLimit: 3, joinTimeoutMs: 1000 };
  const nodes = names.map((origin) =>
    testCore({ origin, others: names.filter((one) => one !== origin), settings }),
  );
  const meet = (one: number, other: number): void => {
    const node = nodes[one];
    if (node !== undefined) meets(node, other, nameOf(other));
  };
  for (const [one, other] of edges) {
    meet(one, other);
    meet(other, one);
  }
  return nodes;
}

interface Way {
  readonly from: number;
  readonly to: number;
  readonly messages: Message[];
}

const CARRIED = ['round', 'echo', 'certificate', 'certified', 'certify', 'graft', 'prune'];

/** Carries the messages of rounds and trees, in order on each way, and ways in any order. @returns what was carried. */
function carry(
  nodes: readonly TestCore[],
  first: readonly (readonly Output[])[],
  pick: () => number,
): Message[] {
  const ways = new Map<string, Way>();
  const carried: Message[] = [];
  const put = (from: number, outputs: readonly Output[]): void => {
    for (const { connection: to, message } of ofKind(outputs, 'send')) {
      if (!CARRIED.includes(message.type)) continue;
      const way = ways.get(`${from}>${to}`) ?? { from, to, messages: [] };
      ways.set(`${from}>${to}`, way);
      way.messages.push(message);
    }
  };
  for (const [from, outputs] of first.entries()) put(from, outputs);
  for (;;) {
    const open = [...ways.values()].filter(({ messages }) => messages.length > 0);
    const way = open[pick() % open.length];
    const message = way?.messages.shift();
    if (way === undefined || message === undefined) return carried;
    carried.push(message);
    put(way.to, nodes[way.to]?.receive(way.from, message) ?? []);
  }
}

/** Time goes by for all until the smallest begins a regular round; its messages, and what follows, come in any order. */
function roundOf(nodes: readonly TestCore[], pick: () => number): Message[] {
  const [root] = nodes;
  for (let count = 0; count < 60; count++) {
    for (const { clock } of nodes) clock.nowMs += 500;
    const outputs = root?.tick() ?? [];
    carry(nodes, [outputs], pick);
    if (!sent(outputs, 'round').some(({ message }) => message.hops === 0)) continue;
    for (const { clock } of nodes) clock.nowMs += CHOOSES_MS;
    return carry(
      nodes,
      nodes.map((node) => node.tick()),
      pick,
    );
  }
  throw new Error('no round begins');
}

function reached(pairs: ReadonlySet<string>): number {
  const found = new Set([0]);
  for (const from of found)
    for (let to = 0; to < SIZE; to++) if (pairs.has(`${from}>${to}`)) found.add(to);
  return found.size;
}

const dice = fc.infiniteStream(fc.nat({ max: 1000 }));

tree(
  'by a round the branches are a spanning tree, and later ones change nothing, in whatever order messages come',
  () => {
    fc.assert(
      fc.property(graph, dice, (edges, numbers) => {
        const nodes = cluster(edges);
        const pick = (): number => numbers.next().value ?? 0;
        for (let count = 0; count < 4; count++) {
          const carried = roundOf(nodes, pick);
          const pairs = new Set(
            nodes.flatMap((node, from) => eager(node).map((to) => `${from}>${to}`)),
          );
          assert.is(pairs.size, 2 * (SIZE - 1));
          assert.is(reached(pairs), SIZE);
          const turns = carried.filter(({ type }) => type === 'graft' || type === 'prune');
          if (count > 0) assert.equal(turns, []);
        }
      }),
      { numRuns: 50 },
    );
  },
);

tree('links that come and go leave a spanning tree with the next round', () => {
  fc.assert(
    fc.property(graph, graph, dice, (edges, more, numbers) => {
      const nodes = cluster(edges);
      const pick = (): number => numbers.next().value ?? 0;
      roundOf(nodes, pick);
      const has = (list: readonly Edge[], [a, b]: Edge): boolean =>
        list.some((one) => one[0] === a && one[1] === b);
      for (const [a, b] of more.filter((edge) => !has(edges, edge))) {
        const [one, other] = [nodes[a], nodes[b]];
        if (one !== undefined) meets(one, b, nameOf(b));
        if (other !== undefined) meets(other, a, nameOf(a));
      }
      for (const [a, b] of edges.filter((edge) => !has(more, edge))) {
        nodes[a]?.step({ kind: 'closed', connection: b, reason: 'it broke' });
        nodes[b]?.step({ kind: 'closed', connection: a, reason: 'it broke' });
      }
      roundOf(nodes, pick);
      const pairs = new Set(
        nodes.flatMap((node, from) => eager(node).map((to) => `${from}>${to}`)),
      );
      assert.is(pairs.size, 2 * (SIZE - 1));
      assert.is(reached(pairs), SIZE);
    }),
    { numRuns: 50 },
  );
});

tree.run();
