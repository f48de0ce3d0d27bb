import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  admits,
  type ClusterStanding,
  ourSideGivesWay,
  whoGivesWay,
} from '../../../src/gossip/protocol/admission.ts';
import { Members } from '../../../src/rules/members.ts';
import { ORIGINS } from '../../support/generators.ts';
import { membership } from '../../support/ops.ts';

const [A, B, C] = ORIGINS;

/** A and B are members; C was, and is retired. */
function members(): Members {
  const folded = new Members();
  for (const key of ORIGINS) folded.fold(membership({ key }));
  folded.fold(membership({ kind: 'retire', key: C, seq: 2 }));
  return folded;
}

const admission = suite('who may join (rule 8)');
const STRANGER = 'node9.zzzzzz';

for (const [rule, peer, isAdmitted] of [
  ['an empty log joins', { origin: STRANGER, empty: true, admittedBy: null }, true],
  [
    'a log with a history does not join',
    { origin: STRANGER, empty: false, admittedBy: null },
    false,
  ],
  ['a member is let in, whatever its log', { origin: B, empty: false, admittedBy: null }, true],
  ['who was admitted by a member joins', { origin: STRANGER, empty: false, admittedBy: A }, true],
  [
    'who was admitted by a stranger does not join',
    { origin: STRANGER, empty: false, admittedBy: 'node8.yyyyyy' },
    false,
  ],
  [
    'who was admitted by a retired origin does not join',
    { origin: STRANGER, empty: false, admittedBy: C },
    false,
  ],
  [
    'a retired origin with its history does not come back',
    { origin: C, empty: false, admittedBy: null },
    false,
  ],
] as const)
  admission(rule, () => {
    assert.is(admits(members(), peer), isAdmitted);
  });

admission.run();

const meeting = suite('two clusters meet (rule 8)');

const standing = (clusterId: string, size: number, formedAt: number): ClusterStanding => ({
  clusterId,
  size,
  formedAt,
});

for (const [rule, ours, theirs, expected] of [
  ['a cluster of one gives way to a larger one', standing('a', 1, 1), standing('b', 2, 9), 'we'],
  [
    'a larger one does not give way to a cluster of one',
    standing('b', 3, 9),
    standing('a', 1, 1),
    'they',
  ],
  ['two larger ones refuse each other', standing('a', 2, 1), standing('b', 9, 9), 'nobody'],
  [
    'of two clusters of one the one formed later gives way',
    standing('a', 1, 9),
    standing('b', 1, 1),
    'we',
  ],
  [
    'of two formed at once the greater id gives way',
    standing('b', 1, 5),
    standing('a', 1, 5),
    'we',
  ],
] as const)
  meeting(rule, () => {
    assert.is(whoGivesWay(ours, theirs), expected);
  });

const anyStanding = fc.record({
  clusterId: fc.constantFrom('a', 'b', 'c'),
  size: fc.integer({ min: 0, max: 3 }),
  formedAt: fc.integer({ min: 0, max: 3 }),
});

meeting('both sides name the same one, so that never both give way and never both wait', () => {
  fc.assert(
    fc.property(anyStanding, anyStanding, (ours, theirs) => {
      if (ours.clusterId === theirs.clusterId) return;
      const mirrored = { we: 'they', they: 'we', nobody: 'nobody' } as const;
      const decided = whoGivesWay(ours, theirs);
      assert.is(whoGivesWay(theirs, ours), mirrored[decided]);
      assert.is(decided === 'nobody', ours.size > 1 && theirs.size > 1);
    }),
    { numRuns: 500 },
  );
});

meeting('of any number of clusters of one, exactly one gives way to none', () => {
  const ones = fc.uniqueArray(anyStanding, {
    minLength: 1,
    selector: ({ clusterId }) => clusterId,
  });
  fc.assert(
    fc.property(ones, (clusters) => {
      const single = clusters.map((cluster) => ({ ...cluster, size: 1 }));
      const staying = single.filter((one) =>
        single.every((other) => other === one || whoGivesWay(one, other) === 'they'),
      );
      assert.is(staying.length, 1);
    }),
  );
});

meeting.run();

const retirement = suite('two sides that do not count each other (rule 8)');

retirement('the side whose smallest member is greater rejoins, and the other does not', () => {
  assert.is(ourSideGivesWay(B, A), true);
  assert.is(ourSideGivesWay(A, B), false);
});

retirement('a side without members counts as the smallest', () => {
  assert.is(ourSideGivesWay(null, A), false);
  assert.is(ourSideGivesWay(A, null), true);
});

retirement('of two that differ exactly one rejoins', () => {
  const smallest = fc.option(fc.constantFrom(...ORIGINS), { nil: null });
  fc.assert(
    fc.property(smallest, smallest, (ours, theirs) => {
      const both = [ourSideGivesWay(ours, theirs), ourSideGivesWay(theirs, ours)];
      assert.is(both.filter(Boolean).length, ours === theirs ? 0 : 1);
    }),
  );
});

retirement.run();
