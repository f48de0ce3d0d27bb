// time limit: 300 s
/** The simulator's oracle sees each rule that is broken. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { simulatorWithout, switchNames } from '../../sim/switches.ts';
import type { Check } from '../../sim/violation.ts';
import { run } from '../../sim/world.ts';
import type { WorldOptions } from '../../sim/worldOptions.ts';

/** So many seeds at most until a fault has to show. */
const SEEDS_TO_SHOW = 60;

/** Where the lack of each rule shows soon. */
const SHOWN_BY: Readonly<Record<string, string>> = {
  'tie-break': 'racing',
  'touches of what lives': 'touches',
  'decided after the commit under way': 'racing',
  horizon: 'skewed clocks',
  stability: 'partitions',
  'settled vectors': 'lossy',
  'settled certificates': 'short mesh',
  'certificates name members': 'short mesh',
  'certificates of the least': 'short mesh',
  'certificates by their hash': 'short mesh',
  'digests by their hash': 'short mesh',
  'acks of the least': 'short mesh',
  rounds: 'short mesh',
  'a link to the successor': 'mesh',
  'every clock': 'skewed clocks',
  'members that a log lacks': 'restored from before joins',
  'strangers that lack what is gone': 'many origins',
  'one that a member let in': 'restores',
  'alone among those that it retired': 'retired together',
  'retire coverage': 'retired by hand',
  'joins of empty logs only': 'formed apart',
  'no members below the reach': 'restored from before joins',
  'catching up before writing': 'restores',
  'members that have gone': 'formed alone',
  'fork check': 'clones',
  'members outlive power cuts': 'lost tails',
  'forks are told again': 'clones',
  'offers after a rejoin': 'formed apart',
  'offers outlive power cuts': 'power cuts',
  'rows kept after a retirement': 'retired together',
  'offers of what was collected': 'retired together',
  'no offers of what was deleted': 'formed apart',
  'no cluster after a rejoin': 'formed alone',
  'logs that are kept': 'retired together',
  'offers before writes': 'formed apart',
  'older stamps are written down': 'restores',
  'closing what all hold': 'retired by hand',
  'closings with their retire': 'retired together',
  'no cluster beside a member': 'retired together',
  'connections with a snapshot stay': 'retired by hand',
  'who gives way leaves its side': 'mesh of two sides',
  'cursors name what was closed': 'many origins',
  'cursors rely on what beats': 'many origins',
  'won bit': 'lossy',
  'compaction stops at stable': 'joins',
  'collected keys are told': 'watchers',
  'collected expiries are told': 'watchers',
  'late ops are told as expired': 'watchers',
  'what is beaten is passed over': 'watchers',
  'touches of what was not told as expired': 'watchers of touches',
  'touches of what was passed over': 'watchers of touches',
  'unknown expiries reset': 'watchers of forgetful nodes',
  'clocks that go back': 'clocks together',
  'heard through others': 'broken link',
  'no wait while there is room': 'watchers',
  'checkpoints are of their logs': 'restores',
  'checkpoints of one moment': 'crashes',
  'checkpoints forget as well': 'crashes',
  folding: 'steady',
};

/** Where a rule is seldom needed: the first seed that shows its lack. */
const FIRST_SEEDS: Readonly<Record<string, number>> = {
  'fork check': 11,
  'settled certificates': 9,
  'a link to the successor': 5,
  'members that have gone': 44,
  'no cluster after a rejoin': 127,
  'unknown expiries reset': 83,
  'members outlive power cuts': 59,
  'offers outlive power cuts': 437,
  'rows kept after a retirement': 41,
  'offers of what was collected': 35,
  'forks are told again': 81,
  'retire coverage': 138,
  'strangers that lack what is gone': 210004,
  'one that a member let in': 190080,
  'alone among those that it retired': 5247,
  'members that a log lacks': 395,
  'closings with their retire': 253,
  'no cluster beside a member': 66,
  'connections with a snapshot stay': 180,
  'who gives way leaves its side': 98,
  'no members below the reach': 70046,
  'logs that are kept': 801067,
  'cursors rely on what beats': 400036,
};

type Change = (world: WorldOptions) => WorldOptions;

const CHANGES: Readonly<Record<string, Change>> = {
  // Its seed shows the lack while nodes replay their whole logs: a start from a checkpoint knows less of expiries.
  'unknown expiries reset': (world) => ({ ...world, writesCheckpoints: false }),
  // Disks write hardly anything back by themselves.
  'members outlive power cuts': (world) => ({
    ...world,
    disk: { ...world.disk, syncedCommits: 0.02 },
  }),
  // Two sides that retired each other: one has collected a delete, and removes its row before it gives way.
  'rows kept after a retirement': (world) => ({
    ...world,
    compactMs: 200,
    retentionMs: 0,
    clients: { ...world.clients, expiring: 0.05 },
  }),
  // Nodes that begin anew have to reach only one another for longer than the join timeout.
  'no cluster beside a member': (world) => ({
    ...world,
    faults: { ...world.faults, cutMs: [8000, 16_000] },
  }),
};

const oracle = suite('oracle');

oracle('there is a scenario for each switch', () => {
  assert.equal(Object.keys(SHOWN_BY).sort(), [...switchNames].sort());
});

for (const [name, scenario] of Object.entries(SHOWN_BY))
  oracle(`sees that "${name}" is switched off`, async () => {
    const violation = await firstViolation(name, scenario);
    assert.ok(violation, `${SEEDS_TO_SHOW} seeds of "${scenario}" passed without "${name}"`);
  });

for (const check of ['won bit', 'equal vectors', 'greatest op', 'false alarm', 'repair'] as const)
  oracle(`sees by "${check}" alone that the tie-break is switched off`, async () => {
    assert.is(await firstViolation('tie-break', 'racing', [check]), check);
  });

oracle('sees that the disk forgot what was acknowledged', async () => {
  const change = (world: WorldOptions): WorldOptions => ({
    ...world,
    disk: { ...world.disk, forgetsOnCrash: true },
  });
  for (const check of ['replay', 'answer'] as const) {
    let seen = false;
    for (let seed = 1; seed <= SEEDS_TO_SHOW && !seen; seed++)
      seen = (await run({ scenario: 'crashes', seed, change, checks: [check] })).violation !== null;
    assert.ok(seen, `never seen by "${check}"`);
  }
});

oracle('a switch that does not exist is refused', async () => {
  try {
    await simulatorWithout('nonsense');
  } catch (error) {
    assert.instance(error, RangeError);
    return;
  }
  assert.unreachable();
});

oracle.run();

async function firstViolation(
  name: string,
  scenario: string,
  checks?: readonly Check[],
): Promise<Check | undefined> {
  const simulator = await simulatorWithout(name);
  const first = FIRST_SEEDS[name] ?? 1;
  for (let seed = first; seed < first + SEEDS_TO_SHOW; seed++) {
    const change = CHANGES[name];
    const { violation } = await simulator.run({
      scenario,
      seed,
      ...(change !== undefined && { change }),
      ...(checks && { checks }),
    });
    if (violation !== null) return violation.check;
  }
  return undefined;
}
