/**
 * The signing keys of identity. A key is published an hour before it signs, and stays published until the
 * last token that it signed has ended, so that rotation leaves no gap.
 */
import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import {
  ACCESS_ALGORITHM,
  ACCESS_TTL_SECONDS,
  type PublicKeys,
  type SigningKey,
} from '../access/accessToken.ts';
import type { IdentityStore, StoredKey } from './identityStore.ts';

export interface KeyTimes {
  readonly signsMs: number;
  /** How long before it signs a key is published. */
  readonly aheadMs: number;
}

export const KEY_TIMES: KeyTimes = { signsMs: 24 * 3_600_000, aheadMs: 3_600_000 };
/** For clocks that differ. */
const MARGIN_MS = 60_000;

const jwkSchema = z.looseObject({
  kty: z.literal('EC'),
  crv: z.string(),
  x: z.string(),
  y: z.string(),
});

export class KeyRotation {
  readonly #store: IdentityStore;
  readonly #times: KeyTimes;
  readonly #imported = new Map<string, CryptoKey>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: IdentityStore, times: KeyTimes = KEY_TIMES) {
    this.#store = store;
    this.#times = times;
  }

  async signingKey(nowMs: number): Promise<SigningKey> {
    await this.#keepUp(nowMs);
    const stored = this.#store.keys().findLast(({ signsFromMs }) => signsFromMs <= nowMs);
    if (stored === undefined) throw new Error('There is no signing key.');
    return { kid: stored.kid, privateKey: await this.#import(stored) };
  }

  async publicKeys(nowMs: number): Promise<PublicKeys> {
    await this.#keepUp(nowMs);
    return { keys: this.#store.keys().map(publicKeyOf) };
  }

  /** One at a time, so that two requests make one key. */
  #keepUp(nowMs: number): Promise<unknown> {
    this.#turn = this.#turn.then(() => this.#makeAndDrop(nowMs));
    return this.#turn;
  }

  async #makeAndDrop(nowMs: number): Promise<void> {
    const { signsMs, aheadMs } = this.#times;
    const keys = this.#store.keys();
    const newest = keys.at(-1);
    if (newest === undefined) await this.#make(nowMs);
    else if (nowMs >= newest.signsFromMs + signsMs - aheadMs)
      await this.#make(Math.max(nowMs + aheadMs, newest.signsFromMs + signsMs));
    const keptMs = ACCESS_TTL_SECONDS * 1000 + MARGIN_MS;
    for (const [at, { kid }] of keys.entries()) {
      const next = keys[at + 1];
      if (next !== undefined && nowMs >= next.signsFromMs + keptMs) this.#store.dropKey(kid);
    }
  }

  async #make(signsFromMs: number): Promise<void> {
    const { privateKey } = await generateKeyPair(ACCESS_ALGORITHM, { extractable: true });
    const privateJwk = JSON.stringify(await exportJWK(privateKey));
    this.#store.addKey({ kid: randomUUID(), privateJwk, signsFromMs });
  }

  async #import({ kid, privateJwk }: StoredKey): Promise<CryptoKey> {
    const present = this.#imported.get(kid);
    if (present !== undefined) return present;
    const key = await importJWK(jwkSchema.parse(JSON.parse(privateJwk)), ACCESS_ALGORITHM);
    if (key instanceof Uint8Array) throw new TypeError('A signing key must be a key pair.');
    this.#imported.set(kid, key);
    return key;
  }
}

function publicKeyOf({ kid, privateJwk }: StoredKey): JWK {
  const { kty, crv, x, y } = jwkSchema.parse(JSON.parse(privateJwk));
  return { kty, crv, x, y, kid, alg: ACCESS_ALGORITHM, use: 'sig' };
}
