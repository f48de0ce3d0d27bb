/** Links beyond a full mesh: what many nodes choose, taken together. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  drawnLinks,
  MAX_LINKS,
  takenBeyondBound,
  towardsSuccessor,
  type Ways,
} from '../../src/rules/links.ts';
import { inRingOrder, ringDistance, successorOf } from '../../src/rules/ring.ts';
import { type Random, seeded } from '../../src/words/random.ts';

const NOBODY: ReadonlySet<string> = new Set();
const DIALLED = 4;

const membersOf = (count: number): string[] =>
  Array.from({ length: count }, (_one, index) => `node${index}.${(index * 7919).toString(36)}aaa`);

/** A number of members, those of them that answer nobody, and a seed. */
const clusters = fc
  .record({
    size: fc.integer({ min: 9, max: 80 }),
    seed: fc.nat(),
    gonePercent: fc.integer({ min: 0, max: 70 }),
  })
  .map(({ size, seed, gonePercent }) => {
    const members = membersOf(size);
    return {
      members,
      failing: new Set(members.filter((_one, at) => (at * 0.618) % 1 < gonePercent / 100)),
      seed,
    };
  });

/** The choice of a node that has tried all it dials. */
function chosenBy(
  own: string,
  members: readonly string[],
  failing: ReadonlySet<string>,
  random: Random,
) {
  const others = members.filter((one) => one !== own);
  const ways: Ways = { own, others, linked: NOBODY, failing };
  const towards = towardsSuccessor(ways);
  return { towards, drawn: drawnLinks(ways, [], towards, random) };
}

const answering = (chosen: Iterable<string>, failing: ReadonlySet<string>): string[] =>
  [...chosen].filter((one) => !failing.has(one));

function isConnected(
  nodes: readonly string[],
  edges: ReadonlyMap<string, readonly string[]>,
): boolean {
  const both = new Map<string, string[]>(nodes.map((node) => [node, []]));
  for (const [from, tos] of edges)
    for (const to of tos) {
      both.get(from)?.push(to);
      both.get(to)?.push(from);
    }
  const reached = new Set(nodes.slice(0, 1));
  for (const node of reached) for (const next of both.get(node) ?? []) reached.add(next);
  return reached.size === nodes.length;
}

const links = suite('links beyond a full mesh');

links('the ring holds each other member once, by growing distance, and not the node itself', () => {
  fc.assert(
    fc.property(clusters, ({ members }) => {
      const [own = ''] = members;
      const ring = inRingOrder(own, members);
      assert.equal([...ring].sort(), members.slice(1).sort());
      const distances = ring.map((one) => ringDistance(own, one));
      assert.equal(
        distances,
        [...distances].sort((a, b) => a - b),
      );
      assert.is(successorOf(own, members), ring[0]);
    }),
  );
});

links('each member is the successor of exactly one other', () => {
  fc.assert(
    fc.property(clusters, ({ members }) => {
      const successors = members.map((own) => successorOf(own, members));
      assert.equal([...successors].sort(), [...members].sort());
    }),
  );
});

links(
  'the links to the successors alone connect all members that answer, whoever else is gone',
  () => {
    fc.assert(
      fc.property(clusters, ({ members, failing }) => {
        const alive = members.filter((one) => !failing.has(one));
        const edges = new Map(
          alive.map((own) => {
            const others = members.filter((one) => one !== own);
            return [
              own,
              answering(towardsSuccessor({ own, others, linked: NOBODY, failing }), failing),
            ];
          }),
        );
        for (const [own, towards] of edges)
          assert.equal(towards, alive.length === 1 ? [] : [successorOf(own, alive)]);
        assert.ok(isConnected(alive, edges));
      }),
    );
  },
);

links(
  'a node dials four members that may answer, at most; with those that stay it has at most twelve links',
  () => {
    fc.assert(
      fc.property(clusters, ({ members, failing, seed }) => {
        const random = seeded(seed);
        const alive = members.filter((one) => !failing.has(one));
        const dialled = new Map(
          alive.map((own) => {
            const { towards, drawn } = chosenBy(own, members, failing, random);
            return [own, answering([...towards, ...drawn], failing)];
          }),
        );
        for (const own of alive) {
          const chosen = dialled.get(own) ?? [];
          assert.is(new Set(chosen).size, chosen.length);
          assert.is(chosen.length, Math.min(DIALLED, alive.length - 1));
          const taken = alive.filter(
            (one) => dialled.get(one)?.includes(own) && !chosen.includes(one),
          );
          for (const visits of [0, 1]) {
            const refused = takenBeyondBound(own, taken, chosen.length + visits);
            assert.ok(chosen.length + visits + taken.length - refused.length <= MAX_LINKS);
          }
        }
      }),
    );
  },
);

links(
  'who is refused is farther before the node than all that stay: its predecessor never is',
  () => {
    fc.assert(
      fc.property(clusters, ({ members }) => {
        const [own = '', ...others] = members;
        const refused = new Set(takenBeyondBound(own, others, DIALLED));
        const before = (one: string): number => ringDistance(one, own);
        const staying = others.filter((one) => !refused.has(one));
        for (const one of refused)
          for (const other of staying) assert.ok(before(one) >= before(other));
        const predecessor = members.find((one) => successorOf(one, members) === own) ?? '';
        assert.not.ok(refused.has(predecessor));
      }),
    );
  },
);

links('room for the links that a node chooses is kept where it has fewer of them', () => {
  const [own = '', ...others] = membersOf(40);
  for (const chosen of [0, 1, DIALLED])
    assert.is(others.length - takenBeyondBound(own, others, chosen).length, MAX_LINKS - DIALLED);
});

links(
  'what was drawn stays while it answers: a member more or less changes one link or none',
  () => {
    fc.assert(
      fc.property(clusters, fc.nat(), ({ members, seed }, index) => {
        const [own = '', ...others] = members;
        const random = seeded(seed);
        const first = chosenBy(own, members, NOBODY, random);
        const gone = others[index % others.length] ?? '';
        const left = others.filter((one) => one !== gone);
        const ways: Ways = { own, others: left, linked: NOBODY, failing: NOBODY };
        const towards = towardsSuccessor(ways);
        const drawn = drawnLinks(ways, first.drawn, towards, random);
        const before = new Set([...first.towards, ...first.drawn]);
        const added = [...towards, ...drawn].filter((one) => !before.has(one));
        assert.ok(added.length <= (before.has(gone) ? 1 : 0) + 1, `${added.length} links are new`);
        if (!before.has(gone)) assert.equal(added, []);
      }),
    );
  },
);

links('a node that has few others draws each of them once, and no more', () => {
  for (const count of [1, 2, 3, 4]) {
    const [own = '', ...others] = membersOf(count);
    const { towards, drawn } = chosenBy(own, [own, ...others], NOBODY, seeded(count));
    assert.equal([...towards, ...drawn].sort(), [...others].sort());
  }
});

links('a nearer member that answers again is the successor again', () => {
  const members = membersOf(12);
  const [own = '', ...others] = members;
  const [nearest = '', second = ''] = inRingOrder(own, others);
  const ways = { own, others, linked: new Set([second]), failing: new Set([nearest]) };
  assert.equal(towardsSuccessor(ways), [nearest, second]);
  assert.equal(towardsSuccessor({ ...ways, linked: new Set([nearest, second]) }), [nearest]);
});

links.run();
