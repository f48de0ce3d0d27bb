/**
 * The listed worlds in the order of their last change, so that a watcher who has seen a revision is told
 * what came after it, each world once and as it is now.
 *
 * Invariant: who starts from nothing, or has seen revision r and takes `since(r)`, holds the listing.
 */
import { isListed, type ListedWorld, type ListingFilter } from './listing.ts';

export type WatchEvent =
  | { readonly type: 'world'; readonly revision: number; readonly world: ListedWorld }
  | {
      readonly type: 'gone';
      readonly revision: number;
      readonly region: string;
      readonly world: string;
    };

interface Row {
  readonly region: string;
  readonly name: string;
  readonly revision: number;
  /** Null: it is listed no longer. */
  readonly world: ListedWorld | null;
  readonly text: string;
  /** How the row was before its last change; null: there was none. */
  readonly before: Pick<Row, 'revision' | 'world'> | null;
}

/** Worlds that are gone and still remembered, for watchers who come back. */
export const MAX_GONE = 1000;

export class WatchedWorlds {
  readonly #maxGone: number;
  /** The last change comes last. */
  readonly #rows = new Map<string, Row>();
  #revision = 0;
  #gone = 0;
  #firstKnown = 0;

  constructor(maxGone: number = MAX_GONE) {
    this.#maxGone = maxGone;
  }

  get revision(): number {
    return this.#revision;
  }

  /** @returns whether it shows anything new. */
  set(region: string, name: string, world: ListedWorld | null): boolean {
    const key = `${region}/${name}`;
    const present = this.#rows.get(key);
    const text = JSON.stringify(world);
    if (text === (present?.text ?? 'null')) return false;
    this.#revision += 1;
    if (present?.world === null) this.#gone -= 1;
    if (world === null) this.#gone += 1;
    this.#rows.delete(key);
    const before =
      present === undefined ? null : { revision: present.revision, world: present.world };
    this.#rows.set(key, { region, name, revision: this.#revision, world, text, before });
    if (this.#gone > this.#maxGone) this.#forgetOldest();
    return true;
  }

  /** All worlds that the filter lets through, with the revisions of their last changes. */
  all(filter: ListingFilter): WatchEvent[] {
    return [...this.#rows.values()].flatMap((row) => {
      const event = eventOf(row, filter);
      return event.type === 'world' ? [event] : [];
    });
  }

  /**
   * @param revision that the watcher has seen last.
   * @returns what came after it, in order; null if too much is forgotten, or if there was no such revision.
   */
  since(revision: number, filter: ListingFilter): WatchEvent[] | null {
    if (revision < this.#firstKnown || revision > this.#revision) return null;
    return [...this.#rows.values()]
      .filter((row) => row.revision > revision)
      .flatMap((row) => {
        const event = eventOf(row, filter);
        return event.type === 'world' || mayHold(row, revision, filter) ? [event] : [];
      });
  }

  #forgetOldest(): void {
    for (const [key, row] of this.#rows) {
      if (row.world !== null) continue;
      this.#rows.delete(key);
      this.#gone -= 1;
      this.#firstKnown = row.revision;
      return;
    }
  }
}

function eventOf({ region, name, revision, world }: Row, filter: ListingFilter): WatchEvent {
  return world !== null && isListed(world, filter)
    ? { type: 'world', revision, world }
    : { type: 'gone', revision, region, world: name };
}

/** Whether a watcher who has seen a revision may hold the world of a row. */
function mayHold({ region, before }: Row, revision: number, filter: ListingFilter): boolean {
  if (before === null || (filter.region !== undefined && filter.region !== region)) return false;
  const wasTold = before.revision <= revision;
  return !wasTold || (before.world !== null && isListed(before.world, filter));
}
