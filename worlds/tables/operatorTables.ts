/** Tables that are written by operators, apis and identity. */
import type { OnceRecord } from '../rules/idempotency.ts';
import { ONCE_TTL_MS } from '../rules/idempotency.ts';
import type { WorldConfiguration } from '../rules/worldConfiguration.ts';
import { type Cache, ConflictError } from './cache.ts';
import { keyOf } from './keys.ts';
import { configurationSchema, onceSchema, type Revocation } from './schemas.ts';

/** Longer than any access token lives, with a minute for clocks that differ. */
export const REVOCATION_TTL_MS = 16 * 60_000;

export interface VersionedConfiguration {
  /** Null: it does not parse. */
  readonly configuration: WorldConfiguration | null;
  readonly version: number;
}

export class Configurations {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** @throws HearsayError if no node answers. */
  async read(region: string, world: string): Promise<VersionedConfiguration | null> {
    const entry = await this.#cache.reader.get(keyOf('config', region, world));
    if (entry === undefined) return null;
    const parsed = this.#cache.malformed.parse('config', configurationSchema, () => entry.value);
    if (parsed === null) return { configuration: null, version: entry.version };
    const { v: _form, ...configuration } = parsed;
    return { configuration, version: entry.version };
  }

  /**
   * @param readVersion the version that the writer has read; 0 for none.
   * @returns the version of the new one; null if somebody else has written meanwhile.
   * @throws HearsayError if no node answers.
   */
  async write(
    region: string,
    world: string,
    configuration: WorldConfiguration,
    readVersion: number,
  ): Promise<number | null> {
    const key = keyOf('config', region, world);
    const version = readVersion + 1;
    try {
      await this.#cache.writer.put(key, { v: 1, ...configuration }, { version });
      return version;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      return null;
    }
  }

  /**
   * Stores it only if there is none. The second step lifts the version to the time, above all that the fleet
   * has applied if the world was deleted and is made again; an edit that comes between the steps is lost.
   *
   * @param nowMs UTC milliseconds.
   * @returns the version of the new one; null if there is one.
   * @throws HearsayError if no node answers; then it may be stored.
   */
  async create(
    region: string,
    world: string,
    configuration: WorldConfiguration,
    nowMs: number,
  ): Promise<number | null> {
    const key = keyOf('config', region, world);
    const value = { v: 1, ...configuration };
    try {
      await this.#cache.writer.put(key, value, { version: 0 });
      await this.#cache.writer.put(key, value, { version: nowMs });
      return nowMs;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      return null;
    }
  }

  /**
   * @returns false if somebody else has written meanwhile.
   * @throws HearsayError if no node answers; then it may be deleted.
   */
  async remove(region: string, world: string, readVersion: number): Promise<boolean> {
    const key = keyOf('config', region, world);
    try {
      await this.#cache.writer.delete(key, { upToVersion: readVersion });
      return true;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      return false;
    }
  }
}

export class Revocations {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /**
   * @param subject a player or a session.
   * @throws HearsayError if no node answers.
   */
  async revoke(subject: string, reason: Revocation['reason']): Promise<void> {
    const value: Revocation = { v: 1, reason };
    await this.#cache.writer.put(keyOf('revoked', subject), value, { ttlMs: REVOCATION_TTL_MS });
  }
}

export class OnceRecords {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** @throws HearsayError if no node answers. */
  async read(player: string, key: string): Promise<OnceRecord | null> {
    const entry = await this.#cache.reader.get(keyOf('once', player, key));
    if (entry === undefined) return null;
    return this.#cache.malformed.parse('once', onceSchema, () => entry.value);
  }

  /**
   * @param replaces false: of two apis that write at once, the first stays.
   * @throws HearsayError if no node answers.
   */
  async write(player: string, key: string, record: OnceRecord, replaces = false): Promise<void> {
    const options = { version: replaces ? ('next' as const) : 0, ttlMs: ONCE_TTL_MS };
    try {
      await this.#cache.writer.put(keyOf('once', player, key), { v: 1, ...record }, options);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }

  /** Of an erased player. @throws HearsayError if no node answers. */
  async removeAll(player: string): Promise<void> {
    await this.#cache.writer.deletePrefix(`${keyOf('once', player)}/`);
  }
}
