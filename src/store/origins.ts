/**
 * The origins of the entries, by number: an entry names its origin in a byte or two. A number is never
 * given to another origin, so that an entry that somebody keeps can still be read; an origin without
 * entries is forgotten (rule 13: nothing grows with the number of origins that ever were).
 */
import { present } from '../words/invariant.ts';

interface Numbered {
  readonly id: number;
  readonly name: string;
  /** Entries of the origin. */
  entries: number;
}

export interface OriginsImage {
  /** The greatest number that was ever given. */
  readonly lastId: number;
  readonly origins: readonly (readonly [id: number, name: string, entries: number])[];
}

export class Origins {
  readonly #byName = new Map<string, Numbered>();
  readonly #byId = new Map<number, Numbered>();
  #lastId = 0;

  /** Counts one entry more. @returns the number of the origin. */
  retain(name: string): number {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.entries++;
      return known.id;
    }
    const added = { id: ++this.#lastId, name, entries: 1 };
    this.#byName.set(name, added);
    this.#byId.set(added.id, added);
    return added.id;
  }

  /** Counts one entry less. */
  release(id: number): void {
    const origin = this.#get(id);
    if (--origin.entries > 0) return;
    this.#byName.delete(origin.name);
    this.#byId.delete(id);
  }

  nameOf(id: number): string {
    return this.#get(id).name;
  }

  /** The origins with their numbers, and how many entries each has. */
  image(): OriginsImage {
    const origins = Array.from(
      this.#byId.values(),
      ({ id, name, entries }) => [id, name, entries] as const,
    );
    return { lastId: this.#lastId, origins };
  }

  restore({ lastId, origins }: OriginsImage): void {
    this.clear();
    this.#lastId = lastId;
    for (const [id, name, entries] of origins) {
      const origin = { id, name, entries };
      this.#byId.set(id, origin);
      this.#byName.set(name, origin);
    }
  }

  clear(): void {
    this.#byName.clear();
    this.#byId.clear();
  }

  #get(id: number): Numbered {
    return present(this.#byId.get(id), 'the origin of an entry');
  }
}
