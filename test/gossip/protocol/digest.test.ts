import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Digest,
  type Digested,
  makeDigest,
  readDigest,
  saySame,
} from '../../../src/gossip/protocol/digest.ts';
import { Closings } from '../../../src/rules/closings.ts';
import { Members } from '../../../src/rules/members.ts';
import { add, type Hash, ZERO } from '../../../src/words/hash.ts';
import { MAX_ORIGINS } from '../../../src/words/vector.ts';
import { retiredSumOf } from '../../support/cores.ts';
import { digest as anyDigest, ORIGINS, summedVector } from '../../support/generators.ts';
import { membership } from '../../support/ops.ts';

const digests = suite('digest of a node (rule 11)');
const [A, B, C] = ORIGINS;

function nodeWith(
  seqs: Readonly<Record<string, number>>,
  retired: readonly string[] = [],
  sumOf: (origin: string) => Hash = (origin) => ({ high: seqs[origin] ?? 0, low: 0 }),
): Digested {
  const members = new Members();
  for (const origin of ORIGINS) members.fold(membership({ key: origin }));
  for (const origin of retired) members.fold(membership({ key: origin, kind: 'retire' }));
  const vector = new Map(Object.entries(seqs));
  return {
    vector,
    members,
    closings: new Closings(),
    retiredSum: retiredSumOf({ vector, members, sumOf }),
    wholeVector: () => vector,
    horizon: 3,
    sumOf,
    mapSum: (asOf) => ({ high: 0, low: asOf }),
  };
}

digests('it is the vector with a sum an origin, and the map sum as of a whole minute ahead', () => {
  const digest = makeDigest(nodeWith({ [A]: 1, [B]: 2 }), 90_000, 10_000, 'none');
  assert.equal(digest, {
    vector: new Map([
      [A, 1],
      [B, 2],
    ]),
    sums: new Map([
      [A, { high: 1, low: 0 }],
      [B, { high: 2, low: 0 }],
    ]),
    retiredSum: null,
    listsRetired: false,
    asOf: 2,
    mapSum: { high: 0, low: 2 },
    horizon: 3,
    clock: 90_000,
  });
});

digests('retired origins are summed up, or listed where that is asked for', () => {
  const node = nodeWith({ [A]: 1, [B]: 2, [C]: 4 }, [B, C]);
  const short = makeDigest(node, 0, 0, 'none');
  assert.equal([...short.vector.keys()], [A]);
  assert.equal([...short.sums.keys()], [A]);
  assert.equal(short.retiredSum, { high: 6, low: 0 });
  const long = makeDigest(node, 0, 0, 'open');
  assert.equal([...long.vector.keys()], [A, B, C]);
  assert.equal(long.retiredSum, short.retiredSum);
  assert.equal([short.listsRetired, long.listsRetired], [false, true]);
  assert.is(makeDigest(nodeWith({ [A]: 1 }), 0, 0, 'none').retiredSum, null);
});

digests(
  'read by a node that holds the same of retired origins, it says exactly what the peer holds',
  () => {
    fc.assert(
      fc.property(summedVector, fc.subarray([...ORIGINS]), ({ vector, sums }, retired) => {
        fc.pre([...vector.values()].every((seq) => seq > 0));
        const seqs = Object.fromEntries(vector);
        const node = nodeWith(seqs, retired, (origin) => sums.get(origin) ?? ZERO);
        for (const listed of ['none', 'open', 'all'] as const) {
          const read = readDigest(node, makeDigest(node, 0, 0, listed));
          assert.equal(new Map([...read.digest.vector].sort()), new Map([...vector].sort()));
          assert.equal(new Map([...read.digest.sums].sort()), new Map([...sums].sort()));
          assert.is(read.exact, true);
          assert.is(read.retiredDiffer, false);
        }
      }),
    );
  },
);

digests('another sum of the retired origins is told, and nothing is then taken as exact', () => {
  const ours = nodeWith({ [A]: 1, [B]: 2 }, [B]);
  const theirs = nodeWith({ [A]: 1, [B]: 3 }, [B]);
  const read = readDigest(ours, makeDigest(theirs, 0, 0, 'none'));
  assert.is(read.exact, false);
  assert.is(read.retiredDiffer, true);
  const listed = readDigest(ours, makeDigest(theirs, 0, 0, 'open'));
  assert.is(listed.exact, true);
  assert.is(listed.retiredDiffer, true);
  assert.is(listed.digest.vector.get(B), 3);
});

digests('an origin that only we know as retired is not summed up by the peer, but listed', () => {
  const ours = nodeWith({ [A]: 1, [B]: 2 }, [B]);
  const theirs = nodeWith({ [A]: 1, [B]: 1 });
  const read = readDigest(ours, makeDigest(theirs, 0, 0, 'none'));
  assert.is(read.digest.vector.get(B), 1);
  assert.is(read.retiredDiffer, true);
});

digests(
  'a peer that does not know an origin as retired is to be listed it, though it holds the same',
  () => {
    const seqs = { [A]: 1, [B]: 2 };
    const [knows, knowsNot] = [nodeWith(seqs, [B]), nodeWith(seqs)];
    assert.is(readDigest(knows, makeDigest(knowsNot, 0, 0, 'none')).retiredDiffer, true);
    const summed = readDigest(knowsNot, makeDigest(knows, 0, 0, 'none'));
    assert.is(summed.digest.vector.has(B), false);
    assert.is(summed.exact, false);
    const listed = readDigest(knowsNot, makeDigest(knows, 0, 0, 'open'));
    assert.is(listed.digest.vector.get(B), 2);
    assert.is(listed.exact, true);
  },
);

digests('what the peer lists of a retired origin stands, beside those that it sums up', () => {
  const ours = nodeWith({ [A]: 1, [B]: 2, [C]: 4 }, [B, C]);
  const theirs = nodeWith({ [A]: 1, [B]: 1, [C]: 4 }, [C]);
  const read = readDigest(ours, makeDigest(theirs, 0, 0, 'none'));
  assert.is(read.digest.vector.get(B), 1);
  assert.is(read.exact, false);
  assert.is(read.retiredDiffer, true);
});

digests('a list that is longer than a message may be is left out, and is no list then', () => {
  const node = nodeWith({ [A]: 1 });
  const retired = Array.from({ length: MAX_ORIGINS }, (_, index) => `old${index}.aaaaaa`);
  for (const origin of retired) node.members.fold(membership({ key: origin, kind: 'retire' }));
  const closed = new Map([...node.vector, ['closed.aaaaaa', 3] as const]);
  const open = { ...node, wholeVector: () => closed };
  assert.equal([...makeDigest(open, 0, 0, 'all').vector.keys()], [A, 'closed.aaaaaa']);
  const some = new Map([[A, 1], ...retired.slice(1).map((origin) => [origin, 1] as const)]);
  const fits = { ...node, vector: some, wholeVector: () => new Map([...some, ['x.y', 1]]) };
  const shorter = makeDigest(fits, 0, 0, 'all');
  assert.equal([shorter.vector.size, shorter.listsRetired], [MAX_ORIGINS, true]);
  const whole = new Map([[A, 1], ...retired.map((origin) => [origin, 1] as const)]);
  const shortest = makeDigest({ ...node, vector: whole, wholeVector: () => whole }, 0, 0, 'all');
  assert.equal([[...shortest.vector.keys()], shortest.listsRetired], [[A], false]);
});

digests('the sum of retired origins depends on no order', () => {
  const [first, second] = [
    { high: 1, low: 0xffffffff },
    { high: 2, low: 2 },
  ];
  const node = nodeWith({ [B]: 2, [C]: 4 }, [C, B], (origin) => (origin === B ? first : second));
  assert.equal(makeDigest(node, 0, 0, 'none').retiredSum, add(first, second));
});

digests('one says the same as another if they differ in nothing but the clock', () => {
  fc.assert(
    fc.property(anyDigest, fc.nat(), ({ unheard: _, ...digest }, clock) => {
      assert.ok(saySame(digest, { ...digest, clock }));
    }),
  );
});

digests('one does not say the same as another where any other field differs', () => {
  const hash = { high: 7, low: 9 };
  const digest = {
    ...makeDigest(nodeWith({ [A]: 1, [B]: 2 }), 90_000, 10_000, 'none'),
    retiredSum: ZERO,
  };
  const others: Readonly<Record<string, Partial<Digest>>> = {
    vector: { vector: new Map([[A, 1]]), sums: new Map([[A, { high: 1, low: 0 }]]) },
    sums: { sums: new Map([...digest.sums, [B, hash]]) },
    retiredSum: { retiredSum: hash },
    noneRetired: { retiredSum: null },
    listsRetired: { listsRetired: true },
    closed: { closed: { count: 1, sum: hash } },
    asOf: { asOf: 3 },
    mapSum: { mapSum: hash },
    horizon: { horizon: 4 },
    unheard: { unheard: [C] },
  };
  for (const [field, other] of Object.entries(others)) {
    assert.not(saySame(digest, { ...digest, ...other }), field);
    assert.not(saySame({ ...digest, ...other }, digest), field);
  }
});

digests.run();
