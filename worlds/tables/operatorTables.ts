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
    return { configuration: parsed, version: entry.version };
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
}
