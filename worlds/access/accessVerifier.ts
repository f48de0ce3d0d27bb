/**
 * Verifies access tokens without asking identity. The key set is kept on disk, so that tokens count while
 * identity is down. A verified token is remembered by its hash until it ends; whether it was
 * revoked is looked up each time.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { type AccessClaims, verifyAccess } from './accessToken.ts';
import { hashOf } from './secrets.ts';

export interface VerifierOptions {
  readonly jwksUrl: string;
  /** Where the key set is kept. */
  readonly file: string;
  readonly issuer: string;
  readonly isRevoked: (subject: string) => boolean;
  readonly maxRemembered?: number;
  readonly pauses?: ReadingPauses;
}

/** Between two readings because of tokens with unknown keys: anybody may invent such tokens. */
export interface ReadingPauses {
  readonly afterSuccessMs: number;
  /** Identity was down: it may be up in a moment, and what it signs counts at once. */
  readonly afterFailureMs: number;
}

const READING_PAUSES: ReadingPauses = { afterSuccessMs: 5000, afterFailureMs: 500 };

const MAX_REMEMBERED = 10_000;
const REFRESH_MS = 10 * 60_000;
const FETCH_LIMIT_MS = 2000;

const keySetSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })).max(10),
});

export class AccessVerifier implements Disposable {
  readonly #options: VerifierOptions;
  readonly #remembered = new Map<string, AccessClaims>();
  readonly #timer: NodeJS.Timeout;
  #keys: JSONWebKeySet = { keys: [] };
  #pausesUntilMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#read(), REFRESH_MS);
    this.#timer.unref();
  }

  /** Reads the key set, from identity or else from the disk. */
  async start(): Promise<void> {
    await this.#read();
    if (this.#keys.keys.length > 0) return;
    const text = await readFile(this.#options.file, 'utf8').catch(() => '{}');
    const kept = keySetSchema.safeParse(jsonOf(text));
    if (kept.success) this.#keys = kept.data;
  }

  /** @returns null if the token is forged, expired, foreign, malformed or revoked. */
  async verify(token: string): Promise<AccessClaims | null> {
    return this.#valid(await this.#claimsOf(token));
  }

  /** @returns the claims of a token that was verified before, and still counts; null: only `verify` can tell. */
  known(token: string): AccessClaims | null {
    return this.#valid(this.#remembered.get(hashOf(token)) ?? null);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #valid(claims: AccessClaims | null): AccessClaims | null {
    if (claims === null || Date.now() >= claims.expiresAtMs) return null;
    const { isRevoked } = this.#options;
    return isRevoked(claims.player) || isRevoked(claims.session) ? null : claims;
  }

  async #claimsOf(token: string): Promise<AccessClaims | null> {
    const hash = hashOf(token);
    const known = this.#remembered.get(hash);
    if (known !== undefined) return known;
    const { keys } = this.#keys;
    let claims = await this.#check(token);
    if (claims === null && this.#mayRead() && this.#hasNewKey(token)) await this.#read();
    // They may also have been read by another one meanwhile.
    if (claims === null && this.#keys.keys !== keys) claims = await this.#check(token);
    if (claims !== null) this.#remember(hash, claims);
    return claims;
  }

  #check(token: string): Promise<AccessClaims | null> {
    const keys = createLocalJWKSet(this.#keys);
    return verifyAccess(token, keys, this.#options.issuer, Date.now());
  }

  #remember(hash: string, claims: AccessClaims): void {
    const { maxRemembered = MAX_REMEMBERED } = this.#options;
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= maxRemembered && oldest !== undefined)
      this.#remembered.delete(oldest);
    this.#remembered.set(hash, claims);
  }

  /** Who comes while the keys are read waits for them. */
  #mayRead(): boolean {
    return this.#reading !== null || performance.now() >= this.#pausesUntilMs;
  }

  #hasNewKey(token: string): boolean {
    const header = jsonOf(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'));
    const parsed = z.object({ kid: z.string() }).safeParse(header);
    return parsed.success && !this.#keys.keys.some(({ kid }) => kid === parsed.data.kid);
  }

  /** One reading at a time; a failed one leaves the keys as they are. */
  #read(): Promise<void> {
    this.#reading ??= this.#readKeys().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readKeys(): Promise<void> {
    const { afterSuccessMs, afterFailureMs } = this.#options.pauses ?? READING_PAUSES;
    const isRead = await this.#readFromIdentity();
    this.#pausesUntilMs = performance.now() + (isRead ? afterSuccessMs : afterFailureMs);
  }

  /** @returns false: identity is down, and the known keys go on to count. */
  async #readFromIdentity(): Promise<boolean> {
    const { jwksUrl, file } = this.#options;
    try {
      const answer = await fetch(jwksUrl, { signal: AbortSignal.timeout(FETCH_LIMIT_MS) });
      const text = await answer.text();
      const read = keySetSchema.safeParse(jsonOf(text));
      if (!answer.ok || !read.success) return false;
      this.#keys = read.data;
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
      return true;
    } catch {
      return false;
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
