/**
 * JWTs of an identity provider (RFC 7519), verified with its key set (JWK Set, RFC 7517).
 *
 * Invariants: only the algorithms, the issuer and the audience of the settings count, and a token must say
 * when it ends. The last good key set is kept in the data directory, so that a start needs no provider; a
 * key that the provider has dropped counts no more.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Caller, Proof } from '../access/caller.ts';
import { callerOfClaims } from '../access/claims.ts';
import { OWN_FILE_MODE } from '../log/sqlite/ownFile.ts';
import { SettingError } from '../words/errors.ts';
import { fileFailure } from '../words/fileFailure.ts';
import { MIB } from '../words/size.ts';
import type { NodeSettings } from './nodeSettings.ts';

/** Time between two fetches, in milliseconds. */
const FETCH_INTERVAL_MS = 600_000;
/** A token with an unknown key makes the node fetch sooner, but no sooner than this. */
const LEAST_FETCH_INTERVAL_MS = 30_000;
const FETCH_TIMEOUT_MS = 5000;
const MAX_SET_BYTES = MIB;
const CLOCK_TOLERANCE_SECONDS = 5;
const KEPT_FILE = 'jwks.json';

const setSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

type JwtSettings = Pick<
  NodeSettings,
  'jwks' | 'jwtIssuer' | 'jwtAudience' | 'jwtAlgorithms' | 'dataDir'
>;

export class KeySet {
  /** Fetches and readings that failed since the start. */
  failures = 0;
  readonly #settings: JwtSettings;
  readonly #place: string;
  readonly #warn: (text: string) => void;
  /** Called with a new set, once the old one counts no more. */
  readonly #changed: (isGone: (proof: Proof) => boolean) => void;
  readonly #kidOf = new WeakMap<Proof, string>();
  readonly #timer: NodeJS.Timeout;
  #text = '';
  #find: ReturnType<typeof createLocalJWKSet> | null = null;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  /** @throws SettingError if a file is named that holds no key set. */
  constructor(
    settings: JwtSettings,
    warn: (text: string) => void,
    changed: (isGone: (proof: Proof) => boolean) => void,
  ) {
    this.#settings = settings;
    this.#place = settings.jwks ?? '';
    this.#warn = warn;
    this.#changed = changed;
    if (!this.#isUrl) this.#take(readFile(this.#place));
    else this.#takeKept();
    this.#timer = setInterval(() => void this.refresh(), FETCH_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Resolves once the set was read again, or could not be. */
  refresh(): Promise<void> {
    this.#fetching ??= this.#refresh().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  /** @returns null for a token that does not count. */
  async verify(text: string): Promise<Caller | null> {
    if (this.#find === null) await this.#refreshSoon();
    const first = await this.#verified(text);
    if (first !== 'unknown key') return first;
    await this.#refreshSoon();
    const second = await this.#verified(text);
    return second === 'unknown key' ? null : second;
  }

  get #isUrl(): boolean {
    return /^https?:\/\//.test(this.#place);
  }

  async #verified(text: string): Promise<Caller | null | 'unknown key'> {
    if (this.#find === null) return null;
    const { jwtIssuer, jwtAudience, jwtAlgorithms } = this.#settings;
    try {
      const { payload, protectedHeader } = await jwtVerify(text, this.#find, {
        issuer: jwtIssuer ?? '',
        audience: jwtAudience ?? '',
        algorithms: [...jwtAlgorithms],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      const caller = callerOfClaims(payload);
      if (caller !== null) this.#kidOf.set(caller.proof, protectedHeader.kid ?? '');
      return caller;
    } catch (error) {
      return error instanceof errors.JWKSNoMatchingKey ? 'unknown key' : null;
    }
  }

  async #refreshSoon(): Promise<void> {
    if (performance.now() - this.#fetchedAtMs >= LEAST_FETCH_INTERVAL_MS) await this.refresh();
    else await this.#fetching;
  }

  async #refresh(): Promise<void> {
    this.#fetchedAtMs = performance.now();
    try {
      const text = this.#isUrl ? await fetched(this.#place) : readFile(this.#place);
      this.#take(text);
      if (this.#isUrl) this.#keep(text);
    } catch (error) {
      this.failures++;
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(
        `The keys of JWTs stay as they were, for ${this.#place} can't be used (${reason}).`,
      );
    }
  }

  /** @throws SettingError */
  #take(text: string): void {
    if (text === this.#text) return;
    const set = keySetOf(text, this.#place);
    this.#find = createLocalJWKSet(set);
    this.#text = text;
    const kids = new Set(set.keys.map(({ kid }) => kid ?? ''));
    this.#changed((proof) => !kids.has(this.#kidOf.get(proof) ?? ''));
  }

  #takeKept(): void {
    try {
      this.#take(readFileSync(this.#keptFile, 'utf8'));
    } catch {
      // There is none yet, or one of an older form: the first fetch brings it.
    }
  }

  #keep(text: string): void {
    const made = `${this.#keptFile}.${process.pid}`;
    writeFileSync(made, text, { mode: OWN_FILE_MODE });
    renameSync(made, this.#keptFile);
  }

  get #keptFile(): string {
    return join(this.#settings.dataDir, KEPT_FILE);
  }
}

/** @throws SettingError */
function keySetOf(text: string, place: string): JSONWebKeySet {
  try {
    const { keys } = setSchema.parse(JSON.parse(text));
    return { keys };
  } catch (error) {
    throw new SettingError(`${place} holds no key set (RFC 7517).`, { cause: error });
  }
}

/** @throws SettingError */
function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingError(`The key set ${path} can't be read (${fileFailure(error)}).`, {
      cause: error,
    });
  }
}

async function fetched(url: string): Promise<string> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_SET_BYTES) throw new Error('it is longer than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
