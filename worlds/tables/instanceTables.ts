/**
 * The session, the roster and the memory of one instance, written by its own process. Their versions are
 * those of its epoch, so a process that was replaced finds its writes refused.
 */
import { packEpoch } from '../rules/fences.ts';
import type { WorldMemory } from '../rules/simulation.ts';
import { type Cache, ConflictError } from './cache.ts';
import { keyOf } from './keys.ts';
import { memorySchema, type Session } from './schemas.ts';

export const SESSION_TTL_MS = 6000;
export const ROSTER_TTL_MS = 60_000;

export interface InstanceName {
  readonly region: string;
  readonly world: string;
  readonly slot: number;
  readonly epoch: number;
}

/** Unique among all instances that ever ran. */
export const instanceOf = ({ region, world, slot, epoch }: InstanceName): string =>
  `${region}-${world}-${slot}-${epoch}`;

/** `superseded`: a process of a later epoch writes there. */
export type WriteResult = 'stored' | 'superseded';

export class InstanceTables {
  readonly #cache: Cache;
  readonly #name: InstanceName;
  readonly #instance: string;
  #counter = 0;

  constructor(cache: Cache, name: InstanceName) {
    this.#cache = cache;
    this.#name = name;
    this.#instance = instanceOf(name);
  }

  /** @throws HearsayError if no node answers. */
  writeSession(session: Session): Promise<WriteResult> {
    return this.#write(this.#key('session'), session, SESSION_TTL_MS);
  }

  /** @throws HearsayError if no node answers. */
  writeRoster(players: readonly string[]): Promise<WriteResult> {
    return this.#write(this.#key('roster'), { v: 1, players }, ROSTER_TTL_MS);
  }

  /** @throws HearsayError if no node answers. */
  async removeSession(): Promise<void> {
    await this.#cache.writer.batch([
      { op: 'delete', key: this.#key('session') },
      { op: 'delete', key: this.#key('roster') },
    ]);
  }

  /** @throws HearsayError if no node answers. */
  async readMemory(): Promise<WorldMemory | null> {
    const entry = await this.#cache.reader.get(this.#memoryKey);
    if (entry === undefined) return null;
    return this.#cache.malformed.parse('state', memorySchema, () => entry.value);
  }

  /** @throws HearsayError if no node answers. */
  writeMemory(memory: WorldMemory): Promise<WriteResult> {
    return this.#write(this.#memoryKey, { v: 1, ...memory }, null);
  }

  get #memoryKey(): string {
    const { region, world, slot } = this.#name;
    return keyOf('state', region, world, slot);
  }

  #key(table: 'session' | 'roster'): string {
    return keyOf(table, this.#name.region, this.#name.world, this.#instance);
  }

  /** A refusal whose version is of the own epoch is a lost answer: the next counter goes above it. */
  async #write(key: string, value: object, ttlMs: number | null): Promise<WriteResult> {
    this.#counter += 1;
    const version = packEpoch(this.#name.epoch, this.#counter);
    try {
      await this.#cache.writer.put(key, value, { version, ttlMs });
      return 'stored';
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const ownLast = packEpoch(this.#name.epoch + 1, 0);
      return error.currentVersion < ownLast ? 'stored' : 'superseded';
    }
  }
}
