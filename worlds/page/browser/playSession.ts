/**
 * A player's time in play: joins, follows the world, and comes back by itself when a connection ends. What to do
 * next is decided by `rules/returning.ts`.
 *
 * Invariant: at most one connection counts; what an earlier one still says is not heard.
 */
import {
  type Ending,
  type JoinRefusal,
  type ReturnStep,
  stepAfter,
  stepAfterRefusal,
} from '../../rules/returning.ts';
import type { ServerMessage, Welcome } from '../../rules/serverMessages.ts';
import { TICK_MS } from '../../rules/simulation.ts';
import type { Account } from './account.ts';
import { readSeatOffer, type SeatOffer, type WorldName } from './answers.ts';
import { askFor, Refusal } from './ask.ts';
import { type Entrance, PlaySocket } from './playSocket.ts';
import { type Direction, Scene } from './scene.ts';

export type PlayNews =
  | { readonly type: 'joined'; readonly seat: SeatOffer }
  /** By itself, after a connection was lost or a world has ended. */
  | { readonly type: 'back'; readonly seat: SeatOffer; readonly afterMs: number }
  | { readonly type: 'lost'; readonly ending: Ending }
  | { readonly type: 'waiting'; readonly message: string }
  | { readonly type: 'moving'; readonly inMs: number }
  | { readonly type: 'milestone'; readonly coins: number }
  | { readonly type: 'left' | 'revoked' | 'replaced' | 'malformed' }
  | { readonly type: 'refused'; readonly refusal: Refusal };

export interface PlayOptions {
  readonly account: Account;
  /** Regions for a player who needs any world, the nearest first. */
  readonly regions: () => readonly string[];
  /** Where the player wants to walk now. */
  readonly direction: () => Direction;
  readonly onNews: (news: PlayNews) => void;
}

/** Instances that were found dead in this return; the api takes ten. */
const MOST_NOT = 10;
const MOST_TICKS_AT_ONCE = 10;
const MOST_ROUND_TRIP_MS = 1000;
const STILL: Direction = { dx: 0, dy: 0 };

export class PlaySession {
  readonly #options: PlayOptions;
  #scene: Scene | null = null;
  #seat: SeatOffer | null = null;
  #socket: PlaySocket | null = null;
  #resume: string | null = null;
  /** Grows with each act of the person: what an earlier one has begun ends. */
  #act = 0;
  #lostAtMs: number | null = null;
  #isReturning = false;
  #isLeaving = false;
  #not: string[] = [];
  /** The instance that the player leaves until he is welcome in another: it lives, and its last save counts. */
  #from: string | null = null;
  #seq = 0;
  #sent: Direction = STILL;
  #tickAtMs = 0;
  #roundTripMs = 0;

  constructor(options: PlayOptions) {
    this.#options = options;
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** Null: not in play. */
  get scene(): Scene | null {
    return this.#scene;
  }

  get seat(): SeatOffer | null {
    return this.#seat;
  }

  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  get isConnected(): boolean {
    return this.#lostAtMs === null && this.#scene !== null;
  }

  /** @param target null: any world. A player who is in play is moved. */
  async join(target: WorldName | null): Promise<void> {
    const act = ++this.#act;
    this.#isReturning = false;
    // Until the next welcome it is where he is.
    const from = this.#from ?? (this.isConnected ? (this.#seat?.instance ?? null) : null);
    try {
      const seat = await this.#ask(target, [], from);
      if (act !== this.#act) return;
      this.#from = from;
      this.#enter(seat);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (act !== this.#act) return;
      this.#options.onNews({ type: 'refused', refusal: error });
      // He was on his way back when he asked for this world: that goes on.
      if (this.#lostAtMs !== null && this.#socket === null) void this.#return(act);
    }
  }

  leave(): void {
    this.#act += 1;
    this.#isLeaving = true;
    this.#socket?.send([2]);
    if (this.#lostAtMs !== null) this.#stop('left');
  }

  /** Ends play without a word to the world, as when the person has logged out. */
  end(): void {
    this.#act += 1;
    this.#clear();
  }

  async #ask(
    target: WorldName | null,
    not: readonly string[],
    from: string | null,
  ): Promise<SeatOffer> {
    const { account, regions } = this.#options;
    const path =
      target === null
        ? '/join'
        : `/worlds/${encodeURIComponent(target.region)}/${encodeURIComponent(target.world)}/join`;
    const facts = { not, ...(from !== null && { from }) };
    const body = target === null ? { regions: regions(), ...facts } : facts;
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const once = async (): Promise<SeatOffer> => {
      const access = await account.token();
      return askFor({ method: 'POST', path, access, headers, body }, readSeatOffer);
    };
    return once().catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 401) account.distrust();
      // The same key: if the first answer was lost, this one names the same seat.
      else if (error.status !== 0) throw error;
      return once();
    });
  }

  #enter(seat: SeatOffer): void {
    this.#seat = seat;
    this.#resume = null;
    this.#isLeaving = false;
    this.#open({ playUrl: seat.playUrl, token: seat.seatToken, kind: 'seat' });
  }

  #open(entrance: Entrance): void {
    this.#socket?.discard();
    this.#isReturning = false;
    const socket = new PlaySocket(entrance, {
      onMessage: (message) => this.#take(message),
      onEnd: (ending) => this.#onEnd(ending),
    });
    this.#socket = socket;
  }

  // ---- what the world says

  #take(message: ServerMessage): void {
    const nowMs = performance.now();
    switch (message.type) {
      case 'welcome':
        this.#welcome(message.welcome, nowMs);
        return;
      case 'frame':
        if (this.#scene?.take(message.frame, nowMs, this.#roundTripMs) === false) {
          this.#socket?.discard();
          this.#onEnd({ type: 'silent' });
        }
        return;
      case 'pong':
        this.#roundTripMs = Math.min(MOST_ROUND_TRIP_MS, Math.max(0, nowMs - message.time));
        return;
      case 'milestone':
        this.#options.onNews(message);
        return;
      case 'move':
        this.#options.onNews(message.inMs > 0 ? { type: 'moving', inMs: message.inMs } : LOST);
        this.#returnElsewhere(true);
        return;
      case 'bye':
        return;
    }
  }

  #welcome(welcome: Welcome, nowMs: number): void {
    const seat = this.#seat;
    if (seat === null) return;
    this.#scene = new Scene(welcome, nowMs);
    this.#resume = welcome.resume;
    this.#seq = welcome.seq;
    this.#sent = STILL;
    this.#tickAtMs = nowMs;
    this.#not = [];
    this.#from = null;
    const lostAtMs = this.#lostAtMs;
    this.#lostAtMs = null;
    this.#options.onNews(
      lostAtMs === null
        ? { type: 'joined', seat }
        : { type: 'back', seat, afterMs: nowMs - lostAtMs },
    );
  }

  #onEnd(ending: Ending): void {
    this.#socket = null;
    if (this.#isLeaving) {
      this.#stop('left');
      return;
    }
    // Another world is being asked already.
    if (this.#isReturning) {
      this.#lose(ending);
      return;
    }
    const step = stepAfter(ending, this.#resume !== null);
    if (step.type !== 'stop') this.#lose(ending);
    this.#carryOut(step);
  }

  #lose(ending: Ending): void {
    if (this.#lostAtMs !== null) return;
    this.#lostAtMs = performance.now();
    this.#options.onNews({ type: 'lost', ending });
  }

  // ---- the way back

  #carryOut(step: ReturnStep): void {
    switch (step.type) {
      case 'stop':
        this.#stop(step.reason);
        return;
      case 'join':
        if (step.isElsewhere) this.#returnElsewhere(step.isAlive);
        else void this.#return(this.#act);
        return;
      case 'resume': {
        const token = this.#resume;
        const seat = this.#seat;
        if (token === null || seat === null) return;
        // It counts once: a connection that fails has used it.
        this.#resume = null;
        const act = this.#act;
        setTimeout(() => {
          if (act === this.#act) this.#open({ playUrl: seat.playUrl, token, kind: 'resume' });
        }, step.afterMs);
        return;
      }
    }
  }

  #returnElsewhere(isAlive: boolean): void {
    if (this.#isReturning || this.#seat === null) return;
    if (isAlive) this.#from = this.#seat.instance;
    this.#not = [...this.#not, this.#seat.instance].slice(-MOST_NOT);
    void this.#return(this.#act);
  }

  /** Asks until there is a seat, the person does something else, or the answer is final. */
  async #return(act: number): Promise<void> {
    this.#isReturning = true;
    let target: WorldName | null = this.#seat;
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#ask(target, this.#not, this.#from).catch((error: unknown) => {
        if (error instanceof Refusal) return error;
        throw error;
      });
      if (act !== this.#act) return;
      if (!(answer instanceof Refusal)) {
        this.#lostAtMs ??= performance.now();
        this.#enter(answer);
        return;
      }
      const step = stepAfterRefusal(refusalOf(answer), tries);
      if (step.type === 'stop') {
        this.#clear();
        this.#options.onNews({ type: 'refused', refusal: answer });
        return;
      }
      if (step.isAnyWorld) target = null;
      if (step.afterMs > 0) this.#options.onNews({ type: 'waiting', message: answer.message });
      await new Promise((resolve) => setTimeout(resolve, step.afterMs));
      if (act !== this.#act) return;
    }
  }

  #stop(reason: Extract<ReturnStep, { type: 'stop' }>['reason']): void {
    this.#clear();
    this.#options.onNews({ type: reason });
  }

  #clear(): void {
    this.#socket?.discard();
    this.#socket = null;
    this.#scene = null;
    this.#seat = null;
    this.#resume = null;
    this.#lostAtMs = null;
    this.#isReturning = false;
    this.#isLeaving = false;
    this.#not = [];
    this.#from = null;
  }

  // ---- ticks

  /** Timers come late: each call walks the ticks that are due by the clock. */
  #tick(): void {
    const scene = this.#scene;
    if (scene === null || this.#lostAtMs !== null) return;
    const nowMs = performance.now();
    if (nowMs - this.#tickAtMs > MOST_TICKS_AT_ONCE * TICK_MS) this.#tickAtMs = nowMs - TICK_MS;
    for (; this.#tickAtMs + TICK_MS <= nowMs; this.#tickAtMs += TICK_MS) {
      const direction = this.#options.direction();
      if (direction.dx !== this.#sent.dx || direction.dy !== this.#sent.dy) {
        this.#seq += 1;
        this.#sent = direction;
        this.#socket?.send([0, this.#seq, direction.dx, direction.dy]);
      }
      scene.walk(direction, this.#seq, this.#tickAtMs + TICK_MS);
    }
  }
}

const LOST: PlayNews = { type: 'lost', ending: { type: 'closed', code: 4410 } };

const refusalOf = ({ status, retryAfterSeconds }: Refusal): JoinRefusal => ({
  status,
  retryAfterSeconds,
});
