/** Guests, logins, refreshes, and erasure. It decides who is who, and asks nobody for that. */
import { randomBytes } from 'node:crypto';
import { ACCESS_TTL_SECONDS, signAccess } from '../access/accessToken.ts';
import type { Audit } from '../access/audit.ts';
import type { AuditRecord } from '../access/auditChain.ts';
import { hashOf, newSecret } from '../access/secrets.ts';
import { unauthorized } from '../http/problem.ts';
import { Tally } from '../process/tally.ts';
import { PLAYER_SCOPE } from '../rules/grants.ts';
import { decideRefresh } from '../rules/refreshFamily.ts';
import type { IdentityStore } from './identityStore.ts';
import type { KeyRotation } from './keyRotation.ts';
import { playerName } from './playerNames.ts';

/** The keys of the cache that identity writes. */
export interface PlayerKeys {
  /** @throws HearsayError if no node answers. */
  revoke(subject: string, reason: 'logout' | 'erased' | 'reuse'): Promise<void>;
  /** Deletes the record, and the joins that are remembered. @throws HearsayError if no node answers. */
  remove(player: string): Promise<void>;
}

export interface IdentityOptions {
  readonly store: IdentityStore;
  readonly keys: KeyRotation;
  readonly issuer: string;
  readonly playerKeys: PlayerKeys;
  /** UTC milliseconds. */
  readonly now: () => number;
  /** How long the logs of the nodes remember what was deleted, in milliseconds. */
  readonly retentionMs: number;
  readonly audit: Audit;
}

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
}

export interface Guest extends Tokens {
  readonly player: string;
  readonly name: string;
  readonly secret: string;
}

/** A world may save once more before it hears of the erasure. */
export const ERASURE_MS = 60_000;

export class Identity {
  /** By the way in; `reuse`: a refresh token came twice, and its family was ended. */
  readonly logins = new Tally(['guest', 'secret', 'refresh', 'refused', 'reuse']);
  readonly #options: IdentityOptions;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  async addGuest(): Promise<Guest> {
    const { store, now } = this.#options;
    const player = `p${randomBytes(16).toString('hex')}`;
    const secret = newSecret();
    const name = playerName(randomBytes(3));
    store.addAccount({ id: player, name, secretHash: hashOf(secret), madeAtMs: now() });
    this.logins.add('guest');
    this.#audit(player, 'identity.guest', player);
    return { player, name, secret, ...(await this.#login(player)) };
  }

  /** @throws Problem 401 if nobody has this secret. */
  async loginBySecret(player: string, secret: string): Promise<Tokens> {
    const account = this.#options.store.account(player);
    // Hashes of 256 random bits: comparing them tells nothing of use.
    if (account === null || account.secretHash !== hashOf(secret)) {
      this.logins.add('refused');
      this.#audit(player, 'identity.login', player, 'refused');
      throw unauthorized('No player has this secret.');
    }
    this.logins.add('secret');
    this.#audit(player, 'identity.login', player);
    return this.#login(player);
  }

  /** @throws Problem 401 if the token is unknown, over or used. */
  async refresh(token: string): Promise<Tokens> {
    const { store, playerKeys, now } = this.#options;
    const hash = hashOf(token);
    const known = store.refresh(hash);
    const verdict = decideRefresh(known, now());
    if (known === null || verdict === 'refuse') {
      this.logins.add('refused');
      throw unauthorized('Log in again.');
    }
    if (verdict === 'end family') {
      store.endFamily(known.session);
      this.logins.add('reuse');
      this.#audit(known.player, 'identity.reuse', known.session, 'refused');
      await playerKeys.revoke(known.session, 'reuse').catch(() => {});
      throw unauthorized('This token was used before: log in again.');
    }
    store.markUsed(hash, now());
    this.logins.add('refresh');
    return this.#tokens(known.player, known.session);
  }

  /** @throws HearsayError if no node answers: the session then ends with its tokens. */
  async logout(player: string, session: string): Promise<void> {
    this.#options.store.endFamily(session);
    this.#audit(player, 'identity.logout', session);
    await this.#options.playerKeys.revoke(session, 'logout');
  }

  /** All that identity holds of a player, but for hashes; null if there is none. */
  account(player: string): { player: string; name: string; since: string } | null {
    const account = this.#options.store.account(player);
    if (account === null) return null;
    const since = new Date(account.madeAtMs).toISOString();
    return { player, name: account.name, since };
  }

  /**
   * Revokes first, then deletes: no world saves a player that it has heard to be revoked.
   *
   * @returns until when the logs of the nodes remember, in UTC milliseconds.
   * @throws HearsayError if no node answers: then nothing was erased.
   */
  async erase(player: string): Promise<number> {
    const { store, playerKeys, now, retentionMs } = this.#options;
    await playerKeys.revoke(player, 'erased');
    await playerKeys.remove(player);
    const untilMs = now() + ERASURE_MS;
    store.erase(player, untilMs);
    this.#audit(player, 'player.erase', player);
    return untilMs + retentionMs;
  }

  /** Deletes the keys of erased players again; to be called each few seconds. */
  async repeatErasures(): Promise<void> {
    const { store, playerKeys, now } = this.#options;
    for (const { player, untilMs } of store.erasures()) {
      await playerKeys.remove(player);
      if (now() >= untilMs) store.finishErasure(player);
    }
  }

  #audit(
    who: string,
    action: AuditRecord['action'],
    target: string,
    result: AuditRecord['result'] = 'done',
  ): void {
    this.#options.audit.write({ who, role: 'player', action, target, result });
  }

  async #login(player: string): Promise<Tokens> {
    const session = `s${randomBytes(16).toString('hex')}`;
    this.#options.store.addFamily(session, player, this.#options.now());
    return this.#tokens(player, session);
  }

  async #tokens(player: string, session: string): Promise<Tokens> {
    const { store, keys, issuer, now } = this.#options;
    const key = await keys.signingKey(now());
    const refresh = newSecret();
    store.addRefresh(hashOf(refresh), session, now());
    const claims = { player, session, gen: store.raiseGen(player), scope: PLAYER_SCOPE };
    const access = await signAccess(key, issuer, claims, now());
    return { access, refresh, expiresIn: ACCESS_TTL_SECONDS };
  }
}
