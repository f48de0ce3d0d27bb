import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isListed, type ListedWorld, type ListingFilter } from '../../rules/listing.ts';
import { type WatchEvent, WatchedWorlds } from '../../rules/watchedWorlds.ts';
import { alteredRule } from '../support/alteredRule.ts';

const watched = suite('watched worlds');

const listed = (region: string, world: string, free: number): ListedWorld => ({
  region,
  world,
  name: world,
  map: free % 2 === 0 ? 'meadow' : 'harbour',
  max: 10,
  instances: [{ instance: '1', state: 'active', free }],
});

type Ask = 'nothing' | 'since' | 'anew';

interface Change {
  readonly region: string;
  readonly world: string;
  readonly free: number | null;
  /** Of a watcher: it asks what is new, or comes back as one who has seen nothing. */
  readonly asks: Ask;
}

const change: fc.Arbitrary<Change> = fc.record({
  region: fc.constantFrom('eu', 'us'),
  world: fc.constantFrom('a', 'b', 'c', 'd'),
  free: fc.option(fc.nat(3)),
  asks: fc.constantFrom<Ask[]>('nothing', 'nothing', 'since', 'anew'),
});

const FILTERS: readonly ListingFilter[] = [
  {},
  { region: 'eu' },
  { open: true },
  { map: 'meadow', open: true },
];

const LAST: Change = { region: 'eu', world: 'a', free: 1, asks: 'since' };

/** @returns the first thing that is wrong; null for none. */
function faultOf(Worlds: typeof WatchedWorlds, changes: readonly Change[]): string | null {
  for (const filter of FILTERS) {
    const worlds = new Worlds(1);
    const all = new Map<string, ListedWorld>();
    let view = new Map<string, ListedWorld>();
    let seen: number | null = null;
    const take = (events: readonly WatchEvent[], told: (event: string) => void): void => {
      for (const event of events) {
        const { region, world } = event.type === 'world' ? event.world : event;
        told(JSON.stringify(event));
        if (event.type === 'world') view.set(`${region}/${world}`, event.world);
        else view.delete(`${region}/${world}`);
      }
    };
    for (const { region, world, free, asks } of [...changes, LAST]) {
      const value = free === null ? null : listed(region, world, free);
      worlds.set(region, world, value);
      if (value === null) all.delete(`${region}/${world}`);
      else all.set(`${region}/${world}`, value);
      if (asks === 'nothing') continue;
      const events = asks === 'since' && seen !== null ? worlds.since(seen, filter) : null;
      if (events === null) view = new Map();
      const told: string[] = [];
      take(events ?? worlds.all(filter), (event) => told.push(event));
      if (new Set(told).size < told.length) return 'something was told twice';
      seen = worlds.revision;
      const expected = [...all].filter(([, one]) => isListed(one, filter)).sort(byKey);
      if (JSON.stringify(expected) !== JSON.stringify([...view].sort(byKey)))
        return 'the view is not the listing';
      if ((worlds.since(seen, filter) ?? ['old']).length > 0) return 'something is told again';
    }
  }
  return null;
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : 1;

watched('a watcher who asks what came after a revision holds the listing', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      assert.is(faultOf(WatchedWorlds, changes), null);
    }),
    { numRuns: 300 },
  );
});

watched('without the memory of worlds that are gone, a watcher keeps them', async () => {
  const { WatchedWorlds: Altered } = await alteredRule<{ WatchedWorlds: typeof WatchedWorlds }>(
    'watchedWorlds.ts',
    'this.#firstKnown = row.revision;',
    '',
  );
  const details = fc.check(
    fc.property(
      fc.array(change, { maxLength: 40 }),
      (changes) => faultOf(Altered, changes) === null,
    ),
    { numRuns: 20_000 },
  );
  assert.ok(details.failed);
});

watched(
  'a change that shows nothing new, or nothing that the filter lets through, is no event',
  () => {
    const worlds = new WatchedWorlds();
    assert.ok(worlds.set('eu', 'a', listed('eu', 'a', 1)));
    assert.not.ok(worlds.set('eu', 'a', listed('eu', 'a', 1)));
    assert.not.ok(worlds.set('eu', 'b', null));
    assert.is(worlds.revision, 1);
    worlds.set('eu', 'a', listed('eu', 'a', 0));
    const full = worlds.revision;
    assert.is(worlds.since(1, { open: true })?.[0]?.type, 'gone');
    worlds.set('eu', 'a', { ...listed('eu', 'a', 0), max: 11 });
    assert.equal(worlds.since(full, { open: true }), []);
    assert.equal(worlds.since(full, { region: 'us' }), []);
    assert.is(worlds.since(worlds.revision + 1, {}), null);
  },
);

watched.run();
