/**
 * A player that walks about: it logs in, joins, follows the frames, and comes back by itself as the page does
 * (`rules/returning.ts`). It counts what it sees, and tells what must never be.
 */
import { decode, encode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { applyFrame, emptyView, MESSAGE, type WorldView } from '../rules/frames.ts';
import {
  type Ending,
  type ReturnStep,
  SILENT_MS,
  stepAfter,
  stepAfterRefusal,
} from '../rules/returning.ts';
import { readServerMessage, type ServerMessage, type Welcome } from '../rules/serverMessages.ts';
import { BotAccount, type JoinTarget, type Refused, type SeatOffer } from './botAccount.ts';
import { FrameGaps } from './frameGaps.ts';
import { ProgressCheck } from './progressCheck.ts';
import { Steering } from './steering.ts';

export interface BotOptions {
  readonly edgeUrl: string;
  /** The preferred ones first. */
  readonly regions: readonly string[];
  /** The world that it asks first; by default any. */
  readonly world?: { readonly region: string; readonly world: string } | null;
  /** From 0: each has its own loopback address, and steers at its own moments. */
  readonly number: number;
  /** Numbers from 0 to below 1: the same ones make the same steps. */
  readonly random: () => number;
  /** It walks to coins, and takes many; by default it walks about. */
  readonly seeksCoins?: boolean;
  /** Whether it asks again where no seat is free before it was ever in play. Default false. */
  readonly waitsForSeat?: boolean;
  /** How much of its time a world that dies may take along; default 6,000. */
  readonly mostLostMs?: number;
}

/** A way back into play. */
export interface Return {
  readonly from: string;
  readonly to: string;
  /** Whether the world had asked it to move; it did not die. */
  readonly isTold: boolean;
  /** From the order to move, or the last word of the world, to the next welcome. */
  readonly afterMs: number;
}

/** Instances that were found dead in one return; an api takes ten. */
const MOST_NOT = 10;
/** The share of steps towards a coin; without the others, a figure may swing over one for long. */
const SEEKS = 0.8;
/** Nearer to a coin, in units, it takes any step. */
const REACH = 8;

export class Bot implements AsyncDisposable {
  readonly account: BotAccount;
  readonly gaps = new FrameGaps();
  readonly returns: Return[] = [];
  /** Sentences about things that must never be. */
  readonly faults: string[] = [];
  frames = 0;
  bytes = 0;
  /** Status of the join that ended its play; null for none. */
  refusedBy: number | null = null;
  /** Why it plays no more: the reason of a step, or that it was refused. */
  stopped: string | null = null;
  readonly #options: BotOptions;
  readonly #progress: ProgressCheck;
  readonly #steering: Steering;
  #view: WorldView = emptyView();
  #socket: WebSocket | null = null;
  #seat: SeatOffer | null = null;
  #welcome: Welcome | null = null;
  #resume: string | null = null;
  /** All coins less those that the figure of this seat has taken. */
  #base = 0;
  #seq = 0;
  #heardAtMs = 0;
  #lostAtMs: number | null = null;
  #isTold = false;
  #isReturning = false;
  /** For a welcome: until it comes, the answer to a ping is the only sign of life. */
  #isWaiting = false;
  #isOver = false;
  #not: string[] = [];
  /** The instance that has sent it away: it lives, and its last save counts. */
  #from: string | null = null;
  #lastInstance = '';

  private constructor(options: BotOptions, account: BotAccount) {
    this.#options = options;
    this.#progress = new ProgressCheck(options.mostLostMs);
    this.account = account;
    this.#steering = new Steering(options.number, () => this.#look());
  }

  /** Logs in, and takes a seat unless it is refused. @throws Error if it can't log in. */
  static async enter(options: BotOptions): Promise<Bot> {
    const account = await BotAccount.guest(options.edgeUrl, options.number);
    const bot = new Bot(options, account);
    await bot.#ask(options.world ?? { regions: options.regions });
    return bot;
  }

  /** How long it has not been in play; null: it is, or will not be again. */
  get lostMs(): number | null {
    const isLost = this.#lostAtMs !== null && this.stopped === null;
    return isLost ? performance.now() - (this.#lostAtMs ?? 0) : null;
  }

  /** Where it plays; null: it does not at the moment. */
  get instance(): string | null {
    return this.isInPlay ? (this.#seat?.instance ?? null) : null;
  }

  get isInPlay(): boolean {
    return this.#welcome !== null && this.#lostAtMs === null && this.stopped === null;
  }

  /** All coins of the player, as far as frames have shown them. */
  get coins(): number {
    const { figures } = this.#view;
    return this.#base + (figures.get(this.#welcome?.you ?? -1)?.[4] ?? 0);
  }

  /** Frames, bytes and gaps are counted from now on. */
  countAnew(): void {
    this.frames = 0;
    this.bytes = 0;
    this.gaps.clear();
  }

  /** Gives its seat back; the world then closes the connection. */
  leave(): void {
    if (this.isInPlay) this.#socket?.send(encode([2]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#steering[Symbol.dispose]();
    this.#socket?.terminate();
    await this.account[Symbol.asyncDispose]();
  }

  /** Steers, and notices where nothing is heard. */
  #look(): void {
    const socket = this.#socket;
    const nowMs = performance.now();
    if (socket !== null && this.#heardAtMs > 0 && nowMs - this.#heardAtMs > SILENT_MS) {
      this.#discard();
      this.#onEnd({ type: 'silent' });
      return;
    }
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (this.#isWaiting) socket.send(encode([1, 0]));
    if (this.#welcome === null) return;
    const [dx, dy] = this.#direction(this.#welcome.you);
    this.#seq += 1;
    socket.send(encode([0, this.#seq, dx, dy]));
  }

  #direction(you: number): readonly [number, number] {
    const { random, seeksCoins = false } = this.#options;
    const step = (): number => Math.floor(random() * 3) - 1;
    const coin = seeksCoins && random() < SEEKS ? nearestCoin(this.#view, you) : null;
    return coin ?? [step(), step()];
  }

  // ---- into a seat

  /** Asks until there is a seat, or the answer is final. */
  async #ask(first: JoinTarget): Promise<void> {
    const { regions } = this.#options;
    this.#isReturning = true;
    let target = first;
    for (let tries = 1; !this.#isOver; tries += 1) {
      const answer = await this.account.join(target, this.#not, this.#from);
      if (this.#isOver) return;
      if ('seatToken' in answer) {
        this.#seat = answer;
        this.#open(answer.playUrl, `seat.${answer.seatToken}`);
        return;
      }
      const waitMs = this.#pauseAfter(answer, tries);
      if (waitMs === null) {
        this.refusedBy = answer.status;
        this.stopped = 'refused';
        return;
      }
      target = { regions };
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** @returns null: the answer is final. */
  #pauseAfter(refused: Refused, tries: number): number | null {
    const { status } = refused;
    if (status >= 500 && status !== 503) this.faults.push(`A join was answered by ${status}.`);
    // Who was never in play takes a refusal for an answer, unless he waits for a seat.
    const isFinal = this.#welcome === null && this.#options.waitsForSeat !== true;
    if (isFinal && status >= 400 && status < 500 && status !== 429) return null;
    const step = stepAfterRefusal(refused, tries);
    return step.type === 'stop' ? null : step.afterMs;
  }

  #open(url: string, protocol: string): void {
    this.#discard();
    this.#isReturning = false;
    this.#isWaiting = true;
    this.#heardAtMs = performance.now();
    const { localAddress } = this.account;
    const socket = new WebSocket(url, ['worlds.v1', protocol], {
      ...(localAddress !== null && { localAddress }),
    });
    this.#socket = socket;
    socket.on('message', (data: Uint8Array) => {
      if (this.#socket === socket) this.#take(data);
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', (code) => {
      if (this.#socket === socket) this.#onEnd({ type: 'closed', code });
    });
  }

  #discard(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.terminate();
    this.gaps.pause();
  }

  // ---- what the world says

  #take(data: Uint8Array): void {
    const nowMs = performance.now();
    this.#heardAtMs = nowMs;
    this.bytes += data.byteLength;
    const message = readServerMessage(decode(data));
    if (message === null) this.faults.push('A message of the world has an unknown form.');
    else this.#heed(message, nowMs);
  }

  #heed(message: ServerMessage, nowMs: number): void {
    switch (message.type) {
      case 'welcome':
        this.#begin(message.welcome, nowMs);
        return;
      case 'frame':
        this.frames += 1;
        this.gaps.frame(nowMs);
        if (!applyFrame(this.#view, message.frame))
          this.faults.push('A figure moved that no frame had shown.');
        this.#progress.shown(this.coins, nowMs);
        return;
      case 'milestone':
        this.#progress.told(message.coins);
        return;
      case 'move':
        this.#isTold = true;
        this.#lostAtMs ??= nowMs;
        this.#returnElsewhere(true);
        return;
      case 'pong':
      case 'bye':
        return;
    }
  }

  #begin(welcome: Welcome, nowMs: number): void {
    const { tick, players, coins, total, you, seq, resume } = welcome;
    const from = this.#lastInstance;
    const to = this.#seat?.instance ?? '';
    const isOtherSeat = this.#welcome?.you !== you || from !== to;
    applyFrame(this.#view, [MESSAGE.whole, tick, players, coins]);
    // A resumed figure may have taken coins that no frame has shown yet: its base stays.
    if (isOtherSeat) {
      if (from !== '') this.#compare(total);
      this.#base = total - (this.#view.figures.get(you)?.[4] ?? 0);
    }
    this.#isWaiting = false;
    this.#welcome = welcome;
    this.#resume = resume;
    this.#seq = seq;
    this.#not = [];
    this.#from = null;
    if (this.#lostAtMs !== null) {
      const afterMs = nowMs - this.#lostAtMs;
      this.returns.push({ from, to, isTold: this.#isTold, afterMs });
    }
    this.#lastInstance = to;
    this.#lostAtMs = null;
    this.#isTold = false;
  }

  #compare(total: number): void {
    const lost = this.#progress.found(total, this.#isTold ? null : this.#lostAtMs);
    const way = `${this.#lastInstance} to ${this.#seat?.instance}`;
    if (lost !== null) this.faults.push(`${this.account.player}, ${way}: ${lost}`);
  }

  // ---- the way back

  #onEnd(ending: Ending): void {
    this.#discard();
    if (this.#isOver) return;
    this.#lostAtMs ??= this.#heardAtMs;
    if (!this.#isReturning) this.#carryOut(stepAfter(ending, this.#resume !== null));
  }

  #carryOut(step: ReturnStep): void {
    const seat = this.#seat;
    if (seat === null) return;
    if (step.type === 'stop') this.stopped = step.reason;
    else if (step.type === 'join' && step.isElsewhere) this.#returnElsewhere(step.isAlive);
    else if (step.type === 'join') void this.#ask(seat);
    else {
      const protocol = `resume.${this.#resume}`;
      // It counts once: a connection that fails has used it.
      this.#resume = null;
      setTimeout(() => {
        if (!this.#isOver) this.#open(seat.playUrl, protocol);
      }, step.afterMs);
    }
  }

  #returnElsewhere(isAlive: boolean): void {
    const seat = this.#seat;
    if (this.#isReturning || seat === null) return;
    if (isAlive) this.#from = seat.instance;
    this.#not = [...this.#not, seat.instance].slice(-MOST_NOT);
    void this.#ask(seat);
  }
}

/** @returns the step towards the nearest coin; null where there is none, or it is reached. */
function nearestCoin({ figures, coins }: WorldView, you: number): readonly [number, number] | null {
  const [, x = 0, y = 0] = figures.get(you) ?? [];
  const ways = [...coins.values()].map(([, cx, cy]) => [cx - x, cy - y] as const);
  const far = ([dx, dy]: readonly [number, number]): number => Math.max(Math.abs(dx), Math.abs(dy));
  const [nearest] = ways.toSorted((a, b) => far(a) - far(b));
  if (nearest === undefined) return null;
  const [dx = 0, dy = 0] = nearest.map((way) => (Math.abs(way) < REACH ? 0 : Math.sign(way)));
  return dx === 0 && dy === 0 ? null : [dx, dy];
}
