/**
 * Gives a player a seat: chooses instances, and asks them one after another. The world decides; the api only
 * remembers, by the Idempotency-Key, which instance it asked with success.
 */
import { createHash } from 'node:crypto';
import type { AccessClaims } from '../access/accessToken.ts';
import { Problem, retryAfter } from '../http/problem.ts';
import { tokenFence } from '../rules/fences.ts';
import { decideOnce, type OnceRecord } from '../rules/idempotency.ts';
import {
  type Candidate,
  chooseInstance,
  instanceToLetGo,
  MAX_ASKED,
  type Refusal,
  reasonOf,
} from '../rules/instanceChoice.ts';
import { type AskResult, SeatForecast } from '../rules/seatForecast.ts';
import type { OnceRecords } from '../tables/operatorTables.ts';
import type { WorldsView } from './worldsView.ts';

export interface SeatGrant {
  readonly instance: string;
  readonly playUrl: string;
  readonly seatToken: string;
  readonly expiresAt: string;
}

export type SeatAnswer =
  | { readonly type: 'seat'; readonly isNew: boolean; readonly grant: SeatGrant }
  | { readonly type: 'refused'; readonly reason: Refusal };

export interface SeatRequest {
  readonly player: string;
  readonly session: string;
  readonly fence: number;
  /** Where the player sits now. */
  readonly previous: {
    readonly region: string;
    readonly instance: string;
    readonly controlUrl: string;
  } | null;
}

export interface JoinOptions {
  readonly view: WorldsView;
  readonly once: Pick<OnceRecords, 'read' | 'write'>;
  /** Asks an instance; one that is out of reach answers `unreachable`. */
  readonly askForSeat: (at: Candidate, request: SeatRequest) => Promise<SeatAnswer>;
  /** UTC milliseconds. */
  readonly now: () => number;
  /** @param result of a join: `new` and `same` are seats, all else the reason of a refusal. */
  readonly onResult?: (result: string, ms: number) => void;
  readonly onFailure: (error: unknown) => void;
}

export interface JoinRequest {
  readonly claims: AccessClaims;
  readonly idempotencyKey: string;
  /** Of the request: the same for the same request. */
  readonly request: string;
  /** The worlds that fit, the preferred ones first. */
  readonly worlds: readonly { readonly region: string; readonly world: string }[];
  /** Instances that the player has found dead. */
  readonly not: readonly string[];
  /** The living instance that the player comes from, as he says; null: he names none. */
  readonly from: string | null;
}

export interface Joined extends SeatGrant {
  readonly region: string;
  readonly world: string;
  readonly isNew: boolean;
}

/** Beyond it, further joins get 503. */
const MAX_UNDER_WAY = 1000;

export class Joins {
  readonly #options: JoinOptions;
  /** By player and key: a second request waits for the answer of the first. */
  readonly #underWay = new Map<string, { readonly fingerprint: string; joined: Promise<Joined> }>();
  readonly #forecast = new SeatForecast();

  constructor(options: JoinOptions) {
    this.#options = options;
  }

  /** Joins that wait for their answer. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** @throws Problem 404, 409, 422 or 503. */
  async join(request: JoinRequest): Promise<Joined> {
    const startedAtMs = performance.now();
    let result = 'failed';
    try {
      const joined = await this.#joinOnce(request);
      result = joined.isNew ? 'new' : 'same';
      return joined;
    } catch (error) {
      if (error instanceof Problem) result = error.reason;
      throw error;
    } finally {
      this.#options.onResult?.(result, performance.now() - startedAtMs);
    }
  }

  async #joinOnce(request: JoinRequest): Promise<Joined> {
    const name = `${request.claims.player} ${request.idempotencyKey}`;
    const fingerprint = createHash('sha256').update(request.request).digest('base64url');
    const present = this.#underWay.get(name);
    if (present !== undefined) {
      if (present.fingerprint !== fingerprint) throw keyUsed();
      return present.joined;
    }
    if (this.#underWay.size >= MAX_UNDER_WAY)
      throw new Problem(503, 'busy', 'Too many joins are under way.', retryAfter(1));
    const joined = this.#join(request, fingerprint);
    this.#underWay.set(name, { fingerprint, joined });
    try {
      return await joined;
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #join(request: JoinRequest, fingerprint: string): Promise<Joined> {
    const { player } = request.claims;
    const { view, once, onFailure } = this.#options;
    // While the cache is away, rule 2 alone keeps one seat of a player in an instance.
    const known = await once.read(player, request.idempotencyKey).catch((error: unknown) => {
      onFailure(error);
      return null;
    });
    const verdict = decideOnce(known, fingerprint);
    if (verdict.type === 'other request') throw keyUsed();
    const same = verdict.type === 'again' ? this.#sameInstance(verdict.at) : null;
    const refusals = new Map<string, Refusal>();
    while (refusals.size < MAX_ASKED) {
      // The instance of the first answer may be gone, or have given the seat to somebody else since.
      const candidate =
        same !== null && refusals.size === 0 ? same : this.#choose(request, [...refusals.keys()]);
      if (candidate === null) break;
      const answer = await this.#ask(candidate, request);
      const { region, world, instance } = candidate;
      if (answer.type === 'refused') {
        refusals.set(instance, answer.reason);
        continue;
      }
      const record = { fingerprint, region, world, instance };
      if (known?.instance !== instance)
        await once
          .write(player, request.idempotencyKey, record, verdict.type === 'again')
          .catch(onFailure);
      return { region, world, isNew: answer.isNew, ...answer.grant };
    }
    if (!request.worlds.some(({ region, world }) => view.listing.world(region, world)))
      throw new Problem(404, 'world', 'There is no such world.');
    throw refusalProblem(reasonOf([...refusals.values()]));
  }

  /** @param at as it is known at this moment. */
  async #ask(at: Candidate, request: JoinRequest): Promise<SeatAnswer> {
    const ask = this.#forecast.ask(at, performance.now());
    let result: AskResult = 'unreachable';
    try {
      const answer = await this.#options.askForSeat(at, this.#seatRequest(request));
      if (answer.type === 'refused') result = answer.reason;
      else result = answer.isNew ? 'new' : 'same';
      return answer;
    } finally {
      this.#forecast.answered(ask, result, performance.now());
    }
  }

  /** @param asked instances that have refused this join. */
  #choose({ claims, worlds, not }: JoinRequest, asked: readonly string[]): Candidate | null {
    const { view } = this.#options;
    const seat = view.seatOf(claims.player);
    const all = worlds.flatMap(({ region, world }) => this.#candidates(region, world));
    const regions = [...new Set(worlds.map(({ region }) => region))];
    return chooseInstance(all, seat?.instance ?? null, [...not, ...asked], regions);
  }

  #sameInstance({ region, world, instance }: OnceRecord): Candidate | null {
    return this.#candidates(region, world).find((one) => one.instance === instance) ?? null;
  }

  #candidates(region: string, world: string): Candidate[] {
    const nowMs = performance.now();
    return this.#options.view
      .candidates(region, world)
      .map((listed) => this.#forecast.of(listed, nowMs));
  }

  #seatRequest({ claims, not, from }: JoinRequest): SeatRequest {
    const { view, now } = this.#options;
    const { player, session, gen, issuedAtMs } = claims;
    const origin = from === null ? null : view.instance(from);
    const seat = instanceToLetGo(view.seatOf(player), not, origin);
    const previous = seat && {
      region: seat.region,
      instance: seat.instance,
      controlUrl: seat.controlUrl,
    };
    const fence = tokenFence(gen, (now() - issuedAtMs) / 1000);
    return { player, session, fence, previous };
  }
}

const keyUsed = (): Problem =>
  new Problem(422, 'key', 'This Idempotency-Key was used for another request: make a new one.');

function refusalProblem(reason: Refusal | 'starting'): Problem {
  switch (reason) {
    case 'full':
      return new Problem(409, reason, 'All seats are taken: join another world.', retryAfter(5));
    case 'draining':
      return new Problem(409, reason, 'The world is about to end: try again.', retryAfter(5));
    case 'unreachable':
      return new Problem(503, reason, 'The world can not be reached: try again.', retryAfter(2));
    case 'starting':
      return new Problem(503, reason, 'The world is starting: try again.', retryAfter(2));
  }
}
