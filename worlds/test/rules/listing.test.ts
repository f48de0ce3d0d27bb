import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Candidate,
  chooseInstance,
  instanceToLetGo,
  MAX_ASKED,
  reasonOf,
} from '../../rules/instanceChoice.ts';
import { type InstanceFacts, Listing, type ListingFilter } from '../../rules/listing.ts';
import { MAP_NAMES, type WorldConfiguration } from '../../rules/worldConfiguration.ts';

const listing = suite('listing');

const configurationOf = (map: WorldConfiguration['map']): WorldConfiguration => ({
  name: `The ${map}`,
  map,
  maxPlayers: 10,
  mode: 'dynamic',
  minInstances: 1,
  maxInstances: 3,
  spareSeats: 2,
  desired: 'running',
  restartEveryHours: null,
});

const facts = fc.record({
  state: fc.constantFrom('starting', 'active', 'draining'),
  max: fc.constant(10),
  taken: fc.constantFrom(0, 5, 10, 12),
});
const place = {
  region: fc.constantFrom('eu', 'us'),
  world: fc.constantFrom('a', 'b', 'c'),
};
const change = fc.oneof(
  fc.record({ ...place, map: fc.option(fc.constantFrom(...MAP_NAMES)) }),
  fc.record({ ...place, instance: fc.constantFrom('1', '2'), facts: fc.option(facts) }),
);

listing('after any changes a listing shows what a search through all rows finds', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const list = new Listing();
      const configurations = new Map<string, WorldConfiguration['map']>();
      const instances = new Map<string, InstanceFacts>();
      for (const one of changes) {
        const key = `${one.region}/${one.world}`;
        if ('instance' in one) {
          list.setInstance(one, one.facts);
          if (one.facts === null) instances.delete(`${key}/${one.instance}`);
          else instances.set(`${key}/${one.instance}`, one.facts);
        } else {
          list.configure(one.region, one.world, one.map && configurationOf(one.map));
          if (one.map === null) configurations.delete(key);
          else configurations.set(key, one.map);
        }
      }
      for (const region of [undefined, 'eu'])
        for (const map of [undefined, ...MAP_NAMES])
          for (const open of [false, true]) {
            const filter: ListingFilter = { ...(region && { region }), ...(map && { map }), open };
            const expected = [...configurations]
              .filter(([key, itsMap]) => {
                const own = [...instances].filter(([name]) => name.startsWith(`${key}/`));
                const isOpen = own.some(
                  ([, { state, max, taken }]) => state === 'active' && taken < max,
                );
                return (
                  key.startsWith(region ?? '') && (!map || map === itsMap) && (!open || isOpen)
                );
              })
              .map(([key]) => key)
              .toSorted();
            const found = list.list(filter).map((row) => `${row.region}/${row.world}`);
            assert.equal(found, expected);
          }
    }),
    { numRuns: 300 },
  );
});

listing('an instance shows its free seats, none where maxPlayers was lowered', () => {
  const list = new Listing();
  list.configure('eu', 'a', configurationOf('meadow'));
  const at = { region: 'eu', world: 'a' };
  list.setInstance({ ...at, instance: '2' }, { state: 'active', max: 10, taken: 12 });
  list.setInstance({ ...at, instance: '1' }, { state: 'active', max: 10, taken: 4 });
  assert.equal(list.world('eu', 'a')?.instances, [
    { instance: '1', state: 'active', free: 6 },
    { instance: '2', state: 'active', free: 0 },
  ]);
  assert.is(list.world('eu', 'b'), undefined);
});

listing(
  'the revision stays as long as a listing shows the same, and grows where it does not',
  () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const list = new Listing();
        for (const one of changes) {
          const before = { revision: list.revision, shown: JSON.stringify(list.list()) };
          if ('instance' in one) list.setInstance(one, one.facts);
          else list.configure(one.region, one.world, one.map && configurationOf(one.map));
          if (JSON.stringify(list.list()) !== before.shown)
            assert.ok(list.revision > before.revision);
          const after = list.revision;
          if ('instance' in one && one.facts !== null) list.setInstance(one, { ...one.facts });
          assert.is(list.revision, after, 'it was told again');
        }
      }),
    );
  },
);

const candidate = (
  instance: string,
  taken: number,
  state: Candidate['state'] = 'active',
): Candidate => ({
  region: 'eu',
  world: 'a',
  instance,
  controlUrl: '',
  state,
  max: 10,
  taken,
});

/** The instances that a join asks, each of which refuses. */
function asked(
  all: readonly Candidate[],
  seatedIn: string | null,
  not: readonly string[] = [],
  regions: readonly string[] = [],
): string[] {
  const refused: string[] = [];
  while (refused.length < MAX_ASKED) {
    const next = chooseInstance(all, seatedIn, [...not, ...refused], regions);
    if (next === null) break;
    refused.push(next.instance);
  }
  return refused;
}

listing('a join asks the instance of the player first, then the fullest open ones', () => {
  const all = [candidate('1', 10), candidate('2', 3), candidate('3', 9), candidate('4', 5)];
  assert.equal(asked(all, '2'), ['2', '3', '4']);
  assert.equal(asked(all, null), ['3', '4', '2']);
  assert.equal(asked(all, null, ['3', '4']), ['2', '1']);
});

listing(
  'of open instances those in the preferred region are asked first, the full ones last',
  () => {
    const far = (instance: string, taken: number) => ({
      ...candidate(instance, taken),
      region: 'us',
    });
    const all = [far('1', 9), candidate('2', 3), candidate('3', 10), far('4', 2)];
    assert.equal(asked(all, null, [], ['eu', 'us']), ['2', '1', '4']);
    assert.equal(asked(all, null, [], ['us', 'eu']), ['1', '4', '2']);
    assert.equal(asked(all, null, ['1', '4'], ['us']), ['2', '3']);
    assert.equal(asked(all, '4', [], ['eu', 'us']), ['4', '2', '1']);
  },
);

listing('a join asks a full instance too, because the list may be old', () => {
  assert.equal(asked([candidate('1', 10)], null), ['1']);
  const draining = [
    candidate('1', 0, 'draining'),
    candidate('2', 10),
    candidate('3', 1, 'starting'),
  ];
  assert.equal(asked(draining, null), ['2', '1']);
  assert.equal(asked([candidate('3', 9), ...draining.slice(0, 2)], '1'), ['3', '2', '1']);
  const refused = { ...candidate('1', 3), hasRefused: true };
  assert.equal(asked([refused, candidate('2', 10)], null), ['2', '1'], 'it has just said so');
  assert.equal(asked([refused, candidate('2', 3)], '1'), ['1', '2'], 'he sits there');
});

listing(
  'who is sent away by a world that drains has it let go of him, who found his dead does not',
  () => {
    const seat = candidate('one', 1);
    assert.is(instanceToLetGo(null, []), null);
    assert.is(instanceToLetGo(seat, []), seat);
    assert.is(instanceToLetGo(seat, ['one']), null, 'it is dead');
    const draining = candidate('one', 1, 'draining');
    assert.is(instanceToLetGo(draining, ['one']), draining, 'its last save is not there yet');
  },
);

listing('the word of a player about the world that he comes from counts before the rosters', () => {
  const from = candidate('from', 1);
  const elsewhere = candidate('elsewhere', 1);
  for (const seat of [null, elsewhere, from, candidate('from', 1, 'draining')])
    for (const not of [[], ['from'], ['from', 'elsewhere']])
      assert.is(instanceToLetGo(seat, not, from), from);
  assert.is(instanceToLetGo(elsewhere, [], null), elsewhere);
  assert.is(instanceToLetGo(elsewhere, ['elsewhere'], null), null);
});

listing('a refused join says the reason that helps most', () => {
  assert.is(reasonOf(['unreachable', 'full', 'draining']), 'full');
  assert.is(reasonOf(['unreachable', 'draining']), 'draining');
  assert.is(reasonOf(['unreachable']), 'unreachable');
  assert.is(reasonOf([]), 'starting');
});

listing.run();
