/**
 * The worlds of all regions as one list, made of configurations and sessions. It is indexed by state and
 * by map, so that a listing reads only the worlds that it shows, and asks no node.
 *
 * Invariant: each index holds exactly the keys of the table that have its state or map.
 */
import type { InstanceState, MapName, WorldConfiguration } from './worldConfiguration.ts';

export interface SessionPlace {
  readonly region: string;
  readonly world: string;
  readonly instance: string;
}

export interface InstanceFacts {
  readonly state: InstanceState;
  readonly max: number;
  readonly taken: number;
}

export interface ListedInstance {
  readonly instance: string;
  readonly state: InstanceState;
  readonly free: number;
}

export interface ListedWorld {
  readonly region: string;
  readonly world: string;
  readonly name: string;
  readonly map: MapName;
  readonly max: number;
  readonly instances: readonly ListedInstance[];
}

export interface ListingFilter {
  readonly region?: string;
  readonly map?: MapName;
  /** Only worlds that somebody new can enter. */
  readonly open?: boolean;
}

interface WorldRow {
  readonly region: string;
  readonly world: string;
  configuration: WorldConfiguration | null;
  readonly instances: Map<string, InstanceFacts>;
}

export class Listing {
  readonly #worlds = new Map<string, WorldRow>();
  readonly #byMap = new Map<MapName, Set<string>>();
  readonly #open = new Set<string>();
  #revision = 0;

  /** Grows with each change that a listing shows. */
  get revision(): number {
    return this.#revision;
  }

  /** @param configuration null: there is none, or it does not parse. */
  configure(region: string, world: string, configuration: WorldConfiguration | null): void {
    const row = this.#row(region, world);
    const previous = row.configuration;
    row.configuration = configuration;
    if (previous !== null) this.#byMap.get(previous.map)?.delete(keyOf(region, world));
    if (configuration !== null) indexOf(this.#byMap, configuration.map).add(keyOf(region, world));
    this.#revision += 1;
    this.#settle(row);
  }

  /** @param facts null: the instance is gone, or its session does not parse. */
  setInstance({ region, world, instance }: SessionPlace, facts: InstanceFacts | null): void {
    const row = this.#row(region, world);
    const previous = row.instances.get(instance);
    if (facts === null) row.instances.delete(instance);
    else row.instances.set(instance, facts);
    // A session that is told again, as each is every two seconds, shows nothing new.
    if (facts === null || previous === undefined || !looksSame(previous, facts))
      this.#revision += 1;
    this.#settle(row);
  }

  /** Worlds with a configuration, in the order of their regions and names. */
  list({ region, map, open = false }: ListingFilter = {}): ListedWorld[] {
    const keys = this.#smallest(map, open);
    const rows = [...keys].flatMap((key) => this.#worlds.get(key) ?? []);
    return rows
      .filter((row) => region === undefined || row.region === region)
      .filter((row) => map === undefined || row.configuration?.map === map)
      .filter((row) => !open || this.#open.has(keyOf(row.region, row.world)))
      .flatMap((row) => listed(row) ?? [])
      .sort((a, b) => compareTexts(a.region, b.region) || compareTexts(a.world, b.world));
  }

  /** @returns undefined if there is no such world with a configuration. */
  world(region: string, world: string): ListedWorld | undefined {
    const row = this.#worlds.get(keyOf(region, world));
    return row === undefined ? undefined : listed(row);
  }

  #smallest(map: MapName | undefined, open: boolean): Iterable<string> {
    const candidates: ReadonlySet<string>[] = [];
    if (map !== undefined) candidates.push(this.#byMap.get(map) ?? new Set());
    if (open) candidates.push(this.#open);
    const [smallest] = candidates.sort((a, b) => a.size - b.size);
    return smallest ?? this.#worlds.keys();
  }

  #row(region: string, world: string): WorldRow {
    const key = keyOf(region, world);
    const present = this.#worlds.get(key);
    if (present !== undefined) return present;
    const row: WorldRow = { region, world, configuration: null, instances: new Map() };
    this.#worlds.set(key, row);
    return row;
  }

  #settle(row: WorldRow): void {
    const key = keyOf(row.region, row.world);
    if (row.configuration !== null && [...row.instances.values()].some(isOpen)) this.#open.add(key);
    else this.#open.delete(key);
    if (row.configuration === null && row.instances.size === 0) this.#worlds.delete(key);
  }
}

/** Only what the list says; the world itself decides (rule 1). */
export const isOpen = ({ state, max, taken }: InstanceFacts): boolean =>
  state === 'active' && taken < max;

/** Whether a filter lets a world through. */
export const isListed = ({ region, map, instances }: ListedWorld, filter: ListingFilter): boolean =>
  (filter.region === undefined || region === filter.region) &&
  (filter.map === undefined || map === filter.map) &&
  (filter.open !== true || instances.some(({ state, free }) => state === 'active' && free > 0));

function listed({ region, world, configuration, instances }: WorldRow): ListedWorld | undefined {
  if (configuration === null) return undefined;
  const { name, map, maxPlayers } = configuration;
  const rows = [...instances].map(
    ([instance, { state, max, taken }]): ListedInstance => ({
      instance,
      state,
      free: freeSeats({ max, taken }),
    }),
  );
  rows.sort((a, b) => compareTexts(a.instance, b.instance));
  return { region, world, name, map, max: maxPlayers, instances: rows };
}

const freeSeats = ({ max, taken }: Pick<InstanceFacts, 'max' | 'taken'>): number =>
  Math.max(0, max - taken);

const looksSame = (a: InstanceFacts, b: InstanceFacts): boolean =>
  a.state === b.state && freeSeats(a) === freeSeats(b);

function indexOf<Key>(index: Map<Key, Set<string>>, key: Key): Set<string> {
  const present = index.get(key);
  if (present !== undefined) return present;
  const made = new Set<string>();
  index.set(key, made);
  return made;
}

const keyOf = (region: string, world: string): string => `${region}/${world}`;

const compareTexts = (a: string, b: string): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};
