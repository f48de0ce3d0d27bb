/**
 * Rule 7, for one player: reads the record, claims it, and saves what was gained.
 *
 * Invariants: no record is saved over one that was not read; while none could be read, the gain waits.
 * One save is under way at a time. After a newer seat has claimed the record, nothing is saved any
 * more. A milestone is told only after two nodes have stored it.
 */
import {
  claimedFence,
  nextSave,
  packSave,
  readConflict,
  type SaveVersion,
} from '../rules/fences.ts';
import {
  type Gain,
  milestoneOf,
  milestoneToTell,
  type PlayerRecord,
  recordAfter,
} from '../rules/progress.ts';
import type { Position } from '../rules/simulation.ts';
import type { PlayerRecords } from '../tables/playerRecords.ts';

export type PlayerStore = Pick<PlayerRecords, 'read' | 'save'>;

export interface KeptPlayerOptions {
  readonly player: string;
  readonly store: PlayerStore;
  readonly world: string;
  readonly instance: string;
  /** UTC milliseconds. */
  readonly now: () => number;
  readonly onMilestone: (milestone: number) => void;
  readonly onDisplaced: () => void;
  /** The cache did not answer; the gain is kept. */
  readonly onFailure: (error: unknown) => void;
  /** An earlier seat in this instance whose gain may still wait: it is saved before the record is read. */
  readonly earlier: KeptPlayer | null;
}

/** Nodes that must hold a milestone before it is told. */
const MILESTONE_ACKS = 2;
/** Refusals of one save because of lost answers; each brings the version further. */
const MAX_TRIES = 4;

/** The cache did not answer to an earlier seat, so this one does not read the record yet. */
class EarlierSeatWaits extends Error {
  override readonly name = 'EarlierSeatWaits';
}

type State = 'unread' | 'claimed' | 'displaced';

export class KeptPlayer {
  readonly #options: KeptPlayerOptions;
  #state: State = 'unread';
  #base: PlayerRecord | null = null;
  #next: SaveVersion;
  #gain: Gain | null = null;
  #isReported = false;
  #earlier: KeptPlayer | null;
  /** Null until the record may be read. */
  #after: { readonly token: string | null } | null = null;
  #lastToken: string | null = null;
  #told = 0;
  /** The gain of the last stored record; null before the first. */
  #stored: Gain | null = null;
  #turn: Promise<void> = Promise.resolve();

  /** @param fence of the token by which the seat was asked for. */
  constructor(options: KeptPlayerOptions, fence: number) {
    this.#options = options;
    this.#earlier = options.earlier;
    this.#next = { fence, counter: 0 };
  }

  get isDisplaced(): boolean {
    return this.#state === 'displaced';
  }

  /** Where the player was last, as far as it was read. */
  get position(): Position | null {
    // The gain by which a record is claimed has a position that nobody has stood at.
    const reported = this.#isReported ? this.#gain?.position : undefined;
    return reported ?? this.#base?.position ?? null;
  }

  get coins(): number {
    return (this.#base?.coins ?? 0) + (this.#gain?.coins ?? 0);
  }

  /** Stands for the last stored save; null before the first. */
  get token(): string | null {
    return this.#lastToken;
  }

  /** Whether something was gained that no node is known to have stored. */
  get isPending(): boolean {
    if (this.#state === 'displaced') return false;
    const hasOwn = this.#gain !== null && this.#stored !== this.#gain;
    return hasOwn || (this.#earlier?.isPending ?? false);
  }

  /** The player was erased: nothing is saved any more. */
  forget(): void {
    this.#earlier?.forget();
    this.#state = 'displaced';
  }

  /** @param gain of the figure, since it came. */
  report(gain: Gain): void {
    this.#isReported = true;
    if (this.#gain === null || !isSame(this.#gain, gain)) this.#gain = gain;
  }

  /**
   * Reads the record and claims it, once the older seat elsewhere has let go.
   *
   * @param after token of the older seat's last save, which the reading has to see; null for none.
   * @returns false if the cache did not answer: then `settle` tries again.
   */
  load(after: string | null): Promise<boolean> {
    this.#after = { token: after };
    return this.settle();
  }

  /**
   * Saves the gain. Before `load`, nothing is read or saved: a record that was read too early would lack
   * the last save of the older seat.
   *
   * @returns false if the cache did not answer, or the record may not be read yet: then the gain waits.
   */
  async settle(): Promise<boolean> {
    const turn = this.#turn.then(() => this.#settle());
    this.#turn = turn.then(() => {});
    return turn;
  }

  /**
   * Looks whether a newer seat has claimed the record. A player who stands still saves nothing, so no refused save
   * tells it. While the cache is away, it is not known.
   */
  async look(): Promise<void> {
    if (this.#state !== 'claimed' || this.isPending) return;
    const { player, store } = this.#options;
    const { version } = await store.read(player).catch(() => ({ version: null }));
    if (version === null || this.isDisplaced) return;
    if (readConflict(this.#next, version).type === 'displaced') this.#displace();
  }

  async #settle(): Promise<boolean> {
    try {
      if (this.#state === 'unread' && this.#after === null) return false;
      if (this.#state === 'unread') await this.#claim(this.#after?.token ?? null);
      if (this.#state === 'claimed' && this.isPending) await this.#save();
      return true;
    } catch (error) {
      this.#options.onFailure(error);
      return false;
    }
  }

  async #claim(after: string | null): Promise<void> {
    const { player, store } = this.#options;
    // Its save is refused if a newer seat elsewhere has come between: then this one reads what that saved.
    if (this.#earlier !== null && !(await this.#earlier.settle())) throw new EarlierSeatWaits();
    this.#earlier = null;
    const { record, version } = await store.read(player, after);
    this.#base = record;
    this.#told = record?.milestone ?? 0;
    this.#next = { fence: claimedFence(this.#next.fence, version), counter: 0 };
    this.#state = 'claimed';
    // An empty gain claims too: the older seat is displaced by it.
    this.#gain ??= {
      position: record?.position ?? { x: 0, y: 0 },
      coins: 0,
      distance: 0,
      playedMs: 0,
    };
  }

  async #save(): Promise<void> {
    const { player, store, world, instance, now } = this.#options;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const gain = this.#gain;
      if (gain === null) return;
      const record = recordAfter(this.#base, gain, { world, instance, nowMs: now() });
      const isMilestone = milestoneOf(record.coins) > this.#told;
      const options = isMilestone ? { acks: MILESTONE_ACKS } : {};
      const version = this.#next;
      const result = await store.save(player, record, packSave(version), options);
      if (this.isDisplaced) return;
      if (result.type === 'stored') {
        this.#next = nextSave(version);
        this.#lastToken = result.token ?? this.#lastToken;
        const isEnough = !isMilestone || result.acks >= MILESTONE_ACKS;
        if (isEnough) this.#stored = gain;
        if (isMilestone && isEnough) this.#tell(record.coins);
        return;
      }
      const verdict = readConflict(version, result.currentVersion);
      if (verdict.type === 'displaced') {
        this.#displace();
        return;
      }
      this.#next = verdict.next;
    }
  }

  #displace(): void {
    this.#state = 'displaced';
    this.#options.onDisplaced();
  }

  #tell(coins: number): void {
    const milestone = milestoneToTell(this.#told, coins);
    if (milestone === null) return;
    this.#told = milestone;
    this.#options.onMilestone(milestone);
  }
}

const isSame = (a: Gain, b: Gain): boolean =>
  a.coins === b.coins &&
  a.distance === b.distance &&
  a.position.x === b.position.x &&
  a.position.y === b.position.y;
