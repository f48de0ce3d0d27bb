/**
 * The api's copy of all that it lists: configurations, sessions and rosters of all regions. A listing and the
 * choice of an instance ask no node.
 */
import { randomUUID } from 'node:crypto';
import type { Candidate } from '../rules/instanceChoice.ts';
import { Listing } from '../rules/listing.ts';
import type { Cache } from '../tables/cache.ts';
import { partsOf } from '../tables/keys.ts';
import {
  configurationSchema,
  type Roster,
  rosterSchema,
  type Session,
  type StoredConfiguration,
  sessionSchema,
} from '../tables/schemas.ts';
import { type RowChange, TableMirror } from '../tables/tableMirror.ts';

/** The place where a player sits, as a roster tells it. */
export interface SeatPlace {
  readonly region: string;
  readonly world: string;
  readonly instance: string;
}

export type ListingListener = (region: string, world: string) => void;

/** A world tells its session each two seconds: one that has not by then is gone. */
const RENEWED_AFTER_MS = 3000;
const LOOK_MS = 500;

export class WorldsView implements AsyncDisposable {
  readonly listing = new Listing();
  /** Another process counts its revisions anew. */
  readonly id: string = randomUUID();
  readonly #configurations: TableMirror<StoredConfiguration>;
  readonly #sessions: TableMirror<Session>;
  readonly #rosters: TableMirror<Roster>;
  readonly #candidates = new Map<string, Candidate>();
  /** Sessions that ended while no node could be heard: they count until there is news. */
  readonly #lapsed = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<ListingListener>();
  #currentSinceMs: number | null = null;
  /** Where each player sits, by the newest roster that names him. */
  readonly #places = new Map<string, SeatPlace>();

  constructor(cache: Cache) {
    this.#configurations = new TableMirror(cache, 'config', configurationSchema);
    this.#sessions = new TableMirror(cache, 'session', sessionSchema);
    this.#rosters = new TableMirror(cache, 'roster', rosterSchema);
    this.#configurations.onChange(({ key, row }) => {
      const [region, world] = partsOf('config', key, 2) ?? [];
      if (region === undefined || world === undefined) return;
      this.listing.configure(region, world, row?.value ?? null);
      this.#tell(region, world);
    });
    this.#sessions.onChange((change) => this.#takeSession(change));
    this.#rosters.onChange((change) => this.#takeRoster(change));
    this.#timer = setInterval(() => this.#dropLapsed(), LOOK_MS);
    this.#timer.unref();
  }

  /** Resolves once all copies are complete for the first time. */
  async synced(): Promise<void> {
    await Promise.all([this.#configurations.synced, this.#sessions.synced, this.#rosters.synced]);
  }

  /** Whether something that is listed may be older than the nodes know. */
  get isStale(): boolean {
    return !this.#configurations.isCurrent || !this.#sessions.isCurrent;
  }

  /** The copies of the tables that are listed, for their age. */
  get copies() {
    return { config: this.#configurations, session: this.#sessions, roster: this.#rosters };
  }

  /** The same as long as a listing shows the same. */
  get etag(): string {
    return `"${this.id}-${this.listing.revision}-${this.isStale ? 1 : 0}"`;
  }

  /**
   * @param listener is told of each world whose row may have changed.
   * @returns a function that removes the listener.
   */
  onChange(listener: ListingListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  candidates(region: string, world: string): Candidate[] {
    return [...this.#candidates.values()].filter(
      (candidate) => candidate.region === region && candidate.world === world,
    );
  }

  /** @returns the living instance of that name; null for none. */
  instance(name: string): Candidate | null {
    return [...this.#candidates.values()].find(({ instance }) => instance === name) ?? null;
  }

  /** @returns the living instance where the player sits; null for none. */
  seatOf(player: string): Candidate | null {
    const place = this.#places.get(player);
    // A roster is void without its session.
    return place === undefined ? null : (this.#candidates.get(idOf(place)) ?? null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(
      [this.#configurations, this.#sessions, this.#rosters].map((mirror) =>
        mirror[Symbol.asyncDispose](),
      ),
    );
  }

  #tell(region: string, world: string): void {
    for (const listener of this.#listeners) listener(region, world);
  }

  #takeSession({ key, row, isExpiry }: RowChange<Session>): void {
    const place = placeOf('session', key);
    if (place === null) return;
    if (isExpiry && !this.#sessions.isCurrent) {
      this.#lapsed.add(key);
      return;
    }
    this.#lapsed.delete(key);
    this.#setSession(place, row?.value ?? null);
  }

  #dropLapsed(): void {
    const nowMs = performance.now();
    if (!this.#sessions.isCurrent) this.#currentSinceMs = null;
    else this.#currentSinceMs ??= nowMs;
    if (this.#currentSinceMs === null || nowMs - this.#currentSinceMs < RENEWED_AFTER_MS) return;
    for (const key of this.#lapsed) {
      const place = placeOf('session', key);
      if (place !== null) this.#setSession(place, null);
    }
    this.#lapsed.clear();
  }

  #setSession(place: SeatPlace, session: Session | null): void {
    this.listing.setInstance(place, session);
    this.#tell(place.region, place.world);
    if (session === null) {
      this.#candidates.delete(idOf(place));
      return;
    }
    const { state, max, taken, controlUrl } = session;
    this.#candidates.set(idOf(place), { ...place, state, max, taken, controlUrl });
  }

  #takeRoster({ key, row }: RowChange<Roster>): void {
    const place = placeOf('roster', key);
    if (place === null) return;
    const players = new Set(row?.value?.players ?? []);
    for (const [player, at] of this.#places)
      if (idOf(at) === idOf(place) && !players.has(player)) this.#places.delete(player);
    for (const player of players) this.#places.set(player, place);
  }
}

function placeOf(table: 'session' | 'roster', key: string): SeatPlace | null {
  const [region, world, instance] = partsOf(table, key, 3) ?? [];
  if (region === undefined || world === undefined || instance === undefined) return null;
  return { region, world, instance };
}

const idOf = ({ region, world, instance }: SeatPlace): string => `${region}/${world}/${instance}`;
