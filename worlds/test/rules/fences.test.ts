import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as rules from '../../rules/fences.ts';
import { alteredRule } from '../support/alteredRule.ts';
import { counterexampleOf } from '../support/counterexample.ts';

const { claimedFence, epochOf, MAX_EPOCH, MAX_FENCE, packEpoch, packSave, tokenFence, unpackSave } =
  rules;

const MAX_PUT_VERSION = 2 ** 53 - 2;

const fences = suite('fences');

const save = fc.record({
  fence: fc.oneof(
    fc.nat(5),
    fc.maxSafeNat().map((n) => n % (MAX_FENCE + 1)),
    fc.constant(MAX_FENCE),
  ),
  counter: fc.oneof(fc.nat(3), fc.nat(2 ** 18 - 1), fc.constant(2 ** 18 - 1)),
});

const compare = (a: rules.SaveVersion, b: rules.SaveVersion): number =>
  Math.sign(a.fence - b.fence) || Math.sign(a.counter - b.counter);

fences('versions are in the order of fence, then counter, and read back as they were', () => {
  fc.assert(
    fc.property(save, save, (a, b) => {
      const { fence, counter } = a;
      assert.equal(unpackSave(packSave(a)), { fence, counter });
      assert.is(Math.sign(packSave(a) - packSave(b)), compare(a, b));
      assert.ok(packSave(a) <= MAX_PUT_VERSION);
    }),
  );
});

fences('a version that a put may not have is refused', () => {
  for (const wrong of [
    { fence: MAX_FENCE + 1, counter: 0 },
    { fence: -1, counter: 0 },
    { fence: 1.5, counter: 0 },
    { fence: 1, counter: 2 ** 18 },
  ])
    assert.throws(() => packSave(wrong), /do not fit/);
  assert.throws(() => packEpoch(MAX_EPOCH + 1, 0), /do not fit/);
  assert.ok(packEpoch(MAX_EPOCH, 2 ** 20 - 1) <= MAX_PUT_VERSION);
  assert.is(epochOf(packEpoch(7, 123)), 7);
});

fences('a later token has the greater fence, whatever its age', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(100_000), fc.nat(100_000), (gen, ageOfOld, ageOfNew) => {
      assert.ok(tokenFence(gen, ageOfOld) < tokenFence(gen + 1, ageOfNew));
    }),
  );
  assert.is(tokenFence(3, 1.9), 3 * 1024 + 1);
  assert.is(tokenFence(3, -5), 3 * 1024);
  assert.throws(() => tokenFence(-1, 0), /generation/);
  assert.throws(() => tokenFence(2 ** 25, 0), /generation/);
});

fences('a seat claims above what it has read', () => {
  fc.assert(
    fc.property(save, fc.nat(10_000), (seen, fence) => {
      const claimed = claimedFence(fence, packSave(seen));
      assert.ok(claimed > seen.fence && claimed >= fence);
    }),
  );
  assert.is(claimedFence(9, null), 9);
});

fences('a seat goes on after its own lost answer, and stops for a newer seat', () => {
  const mine = { fence: 7, counter: 4 };
  assert.equal(rules.readConflict(mine, packSave({ fence: 7, counter: 4 })), {
    type: 'continue',
    next: { fence: 7, counter: 5 },
  });
  assert.equal(rules.readConflict(mine, packSave({ fence: 7, counter: 9 })), {
    type: 'continue',
    next: { fence: 7, counter: 10 },
  });
  assert.equal(rules.readConflict(mine, packSave({ fence: 8, counter: 0 })), {
    type: 'displaced',
    byFence: 8,
  });
});

fences('the next save is above the last, also when the counters are used up', () => {
  fc.assert(
    fc.property(save, (last) => {
      fc.pre(last.fence < MAX_FENCE);
      assert.is(packSave(rules.nextSave(last)), packSave(last) + 1);
    }),
  );
});

type SaveRules = Pick<
  typeof rules,
  'claimedFence' | 'nextSave' | 'packSave' | 'readConflict' | 'unpackSave'
>;

/**
 * Two worlds hold one player and save in any order; answers get lost. The record is that of a node: the
 * greater version wins. A seat claims by its first save, right after it has read the record. Once the
 * newer seat has claimed, the older one never changes the record.
 */
function checkFencing(
  { claimedFence: claim, nextSave, packSave: pack, readConflict: read }: SaveRules,
  seed?: number,
): void {
  const step = fc.record({ seat: fc.nat(1), isAnswerLost: fc.boolean() });
  const property = fc.property(fc.array(step, { maxLength: 40 }), fc.nat(30), (steps, claimAt) => {
    let record = { version: pack({ fence: 3, counter: 8 }), by: -1 };
    const seats: (rules.SaveVersion | null)[] = [null, null];
    const save = (seat: number, isAnswerLost: boolean): void => {
      const mine = seats[seat];
      if (!mine) return;
      const version = pack(mine);
      if (version > record.version) {
        assert.not.ok(record.by === 1 && seat === 0, 'an older seat has saved over a newer one');
        record = { version, by: seat };
        if (!isAnswerLost) seats[seat] = nextSave(mine);
        return;
      }
      const verdict = read(mine, record.version);
      seats[seat] = verdict.type === 'continue' ? verdict.next : null;
      const isDisplaced = verdict.type === 'displaced';
      assert.not.ok(isDisplaced && record.by === seat, 'displaced by itself');
      assert.ok(isDisplaced || record.by === seat, 'a displaced seat goes on');
    };
    const claimBy = (seat: number): void => {
      seats[seat] = { fence: claim(2, record.version), counter: 0 };
      save(seat, false);
      assert.is(record.by, seat, 'the newest seat has not claimed');
    };
    claimBy(0);
    for (const [at, { seat, isAnswerLost }] of steps.entries()) {
      if (at === claimAt) claimBy(1);
      save(seat, isAnswerLost);
    }
  });
  fc.assert(property, { numRuns: 2000, ...(seed !== undefined && { seed }) });
}

fences('an older seat never saves over a newer one, and no seat is displaced by itself', () =>
  checkFencing(rules),
);

for (const [rule, code, replacement, message] of [
  [
    'reading the record before the claim',
    'unpackSave(seenVersion).fence + 1',
    '0',
    /newest seat has not claimed/,
  ],
  [
    'the rule for a fence of its own',
    'current.fence > mine.fence',
    'current.fence >= mine.fence',
    /displaced by itself/,
  ],
  [
    'the rule for a greater fence',
    'if (current.fence > mine.fence)',
    'if (false)',
    /a displaced seat goes on/,
  ],
] as const)
  fences(`the check fails without ${rule}`, async () => {
    const altered = await alteredRule<typeof rules>('fences.ts', code, replacement);
    assert.throws(() => checkFencing(altered, 1), counterexampleOf(message));
  });

fences.run();
