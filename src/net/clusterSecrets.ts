/**
 * The secrets that nodes of a cluster share, and that operators show to nodes of older releases: one, and a second one
 * while it is being replaced. The first is shown, and each is taken.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ProofKey } from '../gossip/protocol/proof.ts';

export const TOKEN_HEADER = 'X-Internal-Token';
const TOKEN_NAME = 'x-internal-token';

const KEY_BYTES = 32;

export class ClusterSecret implements ProofKey {
  readonly token: string;
  readonly #digest: Buffer;
  /** Derived from the token (HKDF, RFC 5869), so that a proof is no hash of the token itself. */
  readonly #proofKey: Buffer;

  constructor(token: string) {
    this.token = token;
    this.#digest = digestOf(token);
    this.#proofKey = this.keyFor('', 'hearsay proof 1');
  }

  sign(text: string): string {
    return this.#mac(text).toString('base64url');
  }

  verifies(text: string, proof: string): boolean {
    const shown = Buffer.from(proof, 'base64url');
    const right = this.#mac(text);
    return shown.length === right.length && timingSafeEqual(shown, right);
  }

  /** Digests have one length, so that the comparison takes the same time for every token. */
  equals(token: string): boolean {
    return timingSafeEqual(digestOf(token), this.#digest);
  }

  /** A key of 32 bytes for one purpose. @param salt different for each connection. */
  keyFor(salt: string, purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.token, salt, purpose, KEY_BYTES));
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#proofKey).update(text).digest();
  }
}

export class ClusterSecrets {
  #all: readonly [ClusterSecret, ...ClusterSecret[]];

  /** @param tokens at least one. */
  constructor(tokens: readonly [string, ...string[]]) {
    this.#all = secretsOf(tokens);
  }

  get all(): readonly [ClusterSecret, ...ClusterSecret[]] {
    return this.#all;
  }

  /** The one for the header of the older releases. */
  get shown(): string {
    return this.#all[0].token;
  }

  replace(tokens: readonly [string, ...string[]]): void {
    this.#all = secretsOf(tokens);
  }

  has(secret: ClusterSecret): boolean {
    return this.#all.some(({ token }) => token === secret.token);
  }

  /** @returns the secret that the header of the request shows; null if it shows none. */
  shownBy({ headers }: IncomingMessage): ClusterSecret | null {
    const shown = headers[TOKEN_NAME];
    if (typeof shown !== 'string') return null;
    return this.#all.find((secret) => secret.equals(shown)) ?? null;
  }
}

const secretsOf = ([first, ...others]: readonly [string, ...string[]]): readonly [
  ClusterSecret,
  ...ClusterSecret[],
] => [new ClusterSecret(first), ...others.map((token) => new ClusterSecret(token))];

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
