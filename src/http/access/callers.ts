/**
 * The one place that tells who sends a request, and that refuses what the caller may not do. It is asked
 * before a request waits, before its body is read, and before the map is touched.
 *
 * Invariants: a caller whose proof was revoked or has expired gets 401 from then on, and its watches end;
 * an answer that refuses does not depend on the map.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type AuthTable, tableOf } from '../../access/authTable.ts';
import {
  anonymousCaller,
  type Caller,
  hasExpired,
  mayTouch,
  type Proof,
} from '../../access/caller.ts';
import { Guesses, type GuessLimits } from '../../access/guesses.ts';
import { Pace } from '../../access/pace.ts';
import { type Needs, SCOPES, scopesOf } from '../../access/scopes.ts';
import { digestOf } from '../../access/secret.ts';
import type { Request } from '../../words/requests.ts';
import type { Problem } from '../answer/problem.ts';
import { type AddressOf, socketAddress } from '../limits/clientAddress.ts';
import { rateFields, tooManyRequests, tooManyWatches } from '../limits/quotas.ts';
import type { ClientCertificates } from './certificates.ts';
import { HeldProofs } from './heldProofs.ts';
import { KeptRefusals } from './keptRefusals.ts';
import {
  allKeysRefused,
  prefixRefused,
  SHOW_ADMIN_TOKEN,
  SHOW_TOKEN,
  scopeMissing,
  tokenMissing,
  tokenRefused,
} from './refusals.ts';
import { bearerIn, clusterTokenIn, looksLikeJwt } from './shown.ts';
import { Tickets } from './tickets.ts';

export interface Identity {
  readonly caller: Caller;
  /** The reason why the thing that was shown does not count; null if nothing or a right one was shown. */
  readonly refusal: Problem | null;
  /** The reason why a certificate makes no caller, though nothing is wrong with it. */
  readonly advice?: string;
  /** The reason under which the refusal is counted once it is answered; absent if it was counted already. */
  readonly counted?: RefusedFor;
}

/** Verifies a JWT. @returns null if it is wrong. */
export type JwtVerifier = (text: string) => Promise<Caller | null>;

export interface CallerLimitSettings extends GuessLimits {
  /** Verified JWTs that are remembered. */
  readonly maxRememberedTokens: number;
  /** Tickets that wait to be used. */
  readonly maxTickets: number;
}

/** The token of the cluster, which counts on REST for one more release. */
export interface ClusterToken {
  readonly isShownBy: (request: IncomingMessage) => boolean;
  readonly caller: Caller;
}

export interface CallersOptions {
  readonly table: AuthTable;
  /** Whether callers without a token may do nearly everything; then a wrong token takes nothing away. */
  readonly isOpen: boolean;
  readonly clusterToken: ClusterToken | null;
  readonly verifyJwt: JwtVerifier | null;
  /** Null, the default: clients can show no certificates. */
  readonly certificates?: ClientCertificates | null;
  readonly limits: CallerLimitSettings;
  /** By default, that of the connection. */
  readonly addressOf?: AddressOf;
  /** UTC milliseconds. */
  readonly nowMs: () => number;
}

export type RefusedFor =
  | 'missing'
  | 'certificate'
  | 'wrong'
  | 'guesses'
  | 'scope'
  | 'prefix'
  | 'rate'
  | 'watches';

interface Shown {
  readonly authorization: string;
  readonly caller: Caller;
  /** The table that lists it: after a reload, it is looked up anew. */
  readonly table: AuthTable;
}

/** The time between two looks for proofs that have expired, in milliseconds. */
const EXPIRY_LOOK_MS = 1000;

export class Callers {
  readonly refused: Record<RefusedFor, number> = {
    missing: 0,
    certificate: 0,
    wrong: 0,
    guesses: 0,
    scope: 0,
    prefix: 0,
    rate: 0,
    watches: 0,
  };
  readonly #pace = new Pace();
  /** The last right token of the file that came over each connection: its digest is not made again. */
  readonly #shown = new WeakMap<object, Shown>();
  readonly guesses: Guesses;
  readonly tickets: Tickets;
  /** Called with the address of each wrong token. */
  onWrong: (address: string) => void = () => {};
  readonly #options: CallersOptions;
  readonly #addressOf: AddressOf;
  #table: AuthTable;
  /** Callers of verified JWTs by the digest of the token, the oldest first. */
  readonly #remembered = new Map<string, Caller>();
  readonly #held = new HeldProofs();
  readonly #refusals = new KeptRefusals();
  readonly #timer: NodeJS.Timeout;

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#addressOf = options.addressOf ?? socketAddress;
    this.guesses = new Guesses(options.limits);
    this.tickets = new Tickets(options.limits);
    this.#timer = setInterval(() => this.#held.endExpired(options.nowMs()), EXPIRY_LOOK_MS);
    this.#timer.unref();
  }

  get table(): AuthTable {
    return this.#table;
  }

  get rememberedTokens(): number {
    return this.#remembered.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes another table, and ends what goes on under proofs that are no more. */
  replace(table: AuthTable): void {
    const before = this.#table.proofs;
    this.#table = table;
    for (const proof of before) if (!table.proofs.has(proof)) this.#held.end(proof);
  }

  /** Forgets each verified JWT: their keys may count no more. @param isGone decides whose watches end. */
  forgetJwts(isGone: (proof: Proof) => boolean): void {
    for (const [digest, { proof }] of this.#remembered)
      if (isGone(proof)) this.#remembered.delete(digest);
    for (const proof of this.#held.proofs())
      if (!this.#table.proofs.has(proof) && isGone(proof)) this.#held.end(proof);
  }

  /** The caller, if it takes no time to tell; null for a request that `identify` must look at. */
  known({ headers, socket }: IncomingMessage): Caller | null {
    if (clusterTokenIn(headers) !== null) return null;
    const { authorization } = headers;
    const last = authorization === undefined ? undefined : this.#shown.get(socket);
    if (last?.table === this.#table && isSameText(last.authorization, authorization ?? '')) {
      if (!hasExpired(last.caller.proof, this.#options.nowMs())) return last.caller;
    }
    const bearer = bearerIn(headers);
    if (bearer === null) {
      const { caller, refusal } = this.#withoutToken(socket);
      return refusal === null ? caller : null;
    }
    const caller = this.#find(digestOf(bearer));
    if (caller?.proof.isListed && authorization !== undefined)
      this.#shown.set(socket, { authorization, caller, table: this.#table });
    return caller;
  }

  /**
   * Counts a wrong token that takes no time to tell, as `identify` does.
   *
   * @returns null for a request that `identify` must look at; then nothing was counted.
   */
  refusedAtOnce(request: IncomingMessage): Problem | null {
    const { isOpen, verifyJwt, nowMs } = this.#options;
    const bearer = bearerIn(request.headers);
    if (isOpen || bearer === null || clusterTokenIn(request.headers) !== null) return null;
    const address = this.#addressOf(request);
    const mayBeJwt = verifyJwt !== null && looksLikeJwt(bearer);
    if (mayBeJwt && this.guesses.waitMs(address, nowMs()) === 0) return null;
    const identity = this.#identifyBearer(bearer, address);
    return identity instanceof Promise ? null : identity.refusal;
  }

  /** @param ticket that the request shows in the place of a token, if its route takes one. */
  identify(request: IncomingMessage, ticket: string | null = null): Identity | Promise<Identity> {
    const { headers } = request;
    const address = this.#addressOf(request);
    if (ticket !== null) {
      const caller = this.tickets.use(ticket, this.#options.nowMs());
      if (caller !== null && this.#isCurrent(caller.proof)) return { caller, refusal: null };
      return this.#wrong(address, 'The ticket is wrong, was used before, or has expired.');
    }
    const bearer = bearerIn(headers);
    if (bearer !== null) return this.#identifyBearer(bearer, address);
    if (clusterTokenIn(headers) === null) return this.#withoutToken(request.socket);
    const { clusterToken } = this.#options;
    if (clusterToken?.isShownBy(request)) return { caller: clusterToken.caller, refusal: null };
    return this.#wrong(address, 'X-Internal-Token is wrong: it is not the token of the cluster.');
  }

  /** @throws Problem 401, 403, 429 */
  require({ caller, refusal, advice, counted }: Identity, needs: Needs): Caller {
    const scopes = scopesOf(needs);
    if (needs === 'nothing') return caller;
    const isAllowed = scopes.some((scope) => caller.scopes.has(scope));
    if (isAllowed && (refusal === null || this.#options.isOpen)) return caller;
    if (refusal !== null) {
      if (counted !== undefined) this.refused[counted]++;
      throw refusal;
    }
    if (caller === this.#table.anonymous) {
      this.refused.missing++;
      throw tokenMissing(scopes, advice ?? (this.#options.isOpen ? SHOW_ADMIN_TOKEN : SHOW_TOKEN));
    }
    this.refused.scope++;
    throw scopeMissing(scopes);
  }

  /**
   * Counts a request of the caller, and lets its answer tell what is left of the quota.
   *
   * @param response null for an upgrade, whose answer tells it only if it refuses.
   * @throws Problem 429
   */
  requirePace(caller: Caller, response: ServerResponse | null): void {
    const { rps } = caller.limits;
    if (rps === null) return;
    const { waitMs, remaining } = this.#pace.next(caller.proof, rps, this.#options.nowMs());
    if (waitMs > 0) {
      this.refused.rate++;
      throw tooManyRequests(rps, waitMs);
    }
    const fields = rateFields(rps, remaining);
    for (let index = 0; index < fields.length; index += 2)
      response?.setHeader(fields[index] ?? '', fields[index + 1] ?? '');
  }

  /**
   * @param keyOrPrefix a key, or the prefix of keys that are asked for.
   * @throws Problem 401, 403
   */
  requireWithin(caller: Caller, keyOrPrefix: string, place?: string): void {
    if (mayTouch(caller, keyOrPrefix)) return;
    if (caller !== this.#table.anonymous) {
      this.refused.prefix++;
      throw prefixRefused(place);
    }
    this.refused.missing++;
    throw tokenMissing([...caller.scopes], SHOW_TOKEN);
  }

  /**
   * An op of a batch, by the rule of its single request.
   *
   * @throws Problem 401, 403
   */
  requireOp(caller: Caller, { kind, key }: Request, place?: string): void {
    if (isFree(caller)) return;
    this.require({ caller, refusal: null }, kind === 'get' ? 'read' : 'write');
    this.requireWithin(caller, key, place);
  }

  /**
   * The ops of a batch, each by the rule of its single request.
   *
   * @throws Problem 401, 403
   */
  requireOps(caller: Caller, requests: readonly Request[]): void {
    if (isFree(caller)) return;
    for (const [index, request] of requests.entries())
      this.requireOp(caller, request, `ops.${index}`);
  }

  /** @throws Problem 403 */
  requireAllKeys(caller: Caller): void {
    if (caller.prefixes === null) return;
    this.refused.prefix++;
    throw allKeysRefused();
  }

  /**
   * Calls `end` once the proof counts no more.
   *
   * @returns a function to call when there is nothing left to end.
   */
  hold(caller: Caller, end: () => void): () => void {
    return this.#held.hold(caller, end);
  }

  /**
   * Counts a watch of the caller, and ends it as `hold` does.
   *
   * @returns a function to call when the watch has ended. @throws Problem 429
   */
  holdWatch(caller: Caller, end: () => void): () => void {
    const release = this.#held.holdWatch(caller, end);
    if (release !== null) return release;
    this.refused.watches++;
    throw tooManyWatches();
  }

  /** By the certificate of the connection, if it has shown one. */
  #withoutToken(socket: Socket): Identity {
    const { anonymous, certificates } = this.#table;
    const shown = this.#options.certificates?.shownOn(socket) ?? null;
    if (shown === null) return { caller: anonymous, refusal: null };
    const refused = (fault: string): Identity => ({
      caller: anonymous,
      refusal: tokenRefused(fault),
      counted: 'certificate',
    });
    if (shown.fault !== null) return refused(shown.fault);
    const name = shown.names.find((one) => certificates.has(one));
    const caller = name === undefined ? undefined : certificates.get(name);
    if (caller === undefined)
      return { caller: anonymous, refusal: null, advice: unlisted(shown.names) };
    if (hasExpired(caller.proof, this.#options.nowMs())) return refused(LISTING_ENDED);
    return { caller, refusal: null };
  }

  #identifyBearer(bearer: string, address: string): Identity | Promise<Identity> {
    // A wrong token is looked up once: it may come in thousands a second.
    const digest = digestOf(bearer);
    const caller = this.#find(digest);
    if (caller !== null) return { caller, refusal: null };
    const { verifyJwt, nowMs } = this.#options;
    const expired = this.#table.callers.has(digest);
    if (expired) return this.#wrong(address, 'The token has expired.');
    if (verifyJwt === null || !looksLikeJwt(bearer)) return this.#wrong(address, WRONG_TOKEN);
    // A signature costs a hundred times as much as a digest.
    const waitMs = this.guesses.waitMs(address, nowMs());
    if (waitMs > 0) return this.#wrong(address, WRONG_TOKEN);
    return verifyJwt(bearer).then((verified) => {
      if (verified === null) return this.#wrong(address, WRONG_TOKEN);
      this.#remember(digest, verified);
      return { caller: verified, refusal: null };
    });
  }

  #find(digest: string): Caller | null {
    const caller = this.#table.callers.get(digest) ?? this.#remembered.get(digest);
    if (caller === undefined || hasExpired(caller.proof, this.#options.nowMs())) return null;
    return caller;
  }

  #remember(digest: string, caller: Caller): void {
    this.#remembered.set(digest, caller);
    if (this.#remembered.size <= this.#options.limits.maxRememberedTokens) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #wrong(address: string, detail: string): Identity {
    const waitMs = this.guesses.failed(address, this.#options.nowMs());
    this.refused[waitMs > 0 ? 'guesses' : 'wrong']++;
    this.onWrong(address);
    const refusal = waitMs > 0 ? this.#refusals.ofGuesses(waitMs) : this.#refusals.ofToken(detail);
    return { caller: this.#table.anonymous, refusal };
  }

  #isCurrent(proof: Proof): boolean {
    if (hasExpired(proof, this.#options.nowMs())) return false;
    return !proof.isListed || this.#table.proofs.has(proof);
  }
}

/** Whether the caller may read and write every key: then nothing is to be looked at in an op. */
const isFree = ({ scopes, prefixes }: Caller): boolean =>
  prefixes === null && scopes.has('read') && scopes.has('write');

/** In a time that depends on the length alone: clients of one proxy share a connection, and must not guess from it. */
function isSameText(known: string, shown: string): boolean {
  if (shown.length !== known.length) return false;
  let difference = 0;
  for (let index = 0; index < known.length; index++)
    difference |= known.charCodeAt(index) ^ shown.charCodeAt(index);
  return difference === 0;
}

/** Everybody may do all but what needs the scope `admin`. */
export const openTable = (): AuthTable =>
  tableOf(new Map(), anonymousCaller(SCOPES.filter((scope) => scope !== 'admin')));

/** The callers of a node that nobody has given tokens. */
export const openCallers = (limits: CallerLimitSettings, nowMs: () => number): Callers =>
  new Callers({
    table: openTable(),
    isOpen: true,
    clusterToken: null,
    verifyJwt: null,
    limits,
    nowMs,
  });

const LISTING_ENDED =
  'The file of tokens lists the name of the certificate no more: it has expired.';

const unlisted = (names: readonly string[]): string =>
  names.length === 0
    ? 'the certificate bears no name: show another, or a token as `Authorization: Bearer TOKEN`.'
    : `the file of tokens lists no certificate for ${names.join(', ').slice(0, 200)}.`;

const WRONG_TOKEN = 'The token is wrong, or was revoked.';
