/**
 * The players of an instance as figures and records: those who sit there, and those who have left and whose
 * saves still wait for the cache.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { milestoneOf } from '../rules/progress.ts';
import type { Taking } from '../rules/simulation.ts';
import type { Game } from './game.ts';
import { KeptPlayer, type KeptPlayerOptions } from './keptPlayer.ts';

/** The instance where a player sits until he connects here. */
export interface PreviousPlace {
  readonly region: string;
  readonly instance: string;
  readonly controlUrl: string;
}

/**
 * Asks another world to let go of a player.
 *
 * @returns the token of its last save; null if there is none, or the world is out of reach.
 */
export type AskToLetGo = (
  from: PreviousPlace,
  player: string,
  fence: number,
) => Promise<string | null>;

export interface GuestsOptions
  extends Pick<KeptPlayerOptions, 'store' | 'world' | 'instance' | 'now'> {
  readonly game: Game;
  readonly askToLetGo: AskToLetGo;
  /** The longest wait for the record of a player who connects, once the older seat elsewhere has let go. */
  readonly loadMs: number;
  readonly isSeated: (player: string) => boolean;
  readonly onMilestone: (player: string, milestone: number) => void;
  /** The record of a present guest says that a newer seat has it. */
  readonly onDisplaced: (player: string) => void;
  readonly onFault: (error: unknown) => void;
}

export interface Guest {
  readonly kept: KeptPlayer;
  /** Of the figure. */
  readonly id: number;
  sinceMs: number;
  /** Under way; null for none. */
  loading: Promise<void> | null;
}

export class Guests {
  readonly #options: GuestsOptions;
  readonly #byPlayer = new Map<string, Guest>();
  /** By the id of the figure: the same guests. */
  readonly #playersById = new Map<number, string>();
  readonly #previous = new Map<string, PreviousPlace>();
  #nextId = 1;

  constructor(options: GuestsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byPlayer.size;
  }

  /** Players whose gain no node is known to have. */
  get unsaved(): number {
    return [...this.#byPlayer.values()].filter(({ kept }) => kept.isPending).length;
  }

  get(player: string): Guest | undefined {
    return this.#byPlayer.get(player);
  }

  /** @param previous where the player sits until he connects here; null for nowhere. */
  expect(player: string, previous: PreviousPlace | null): void {
    if (previous === null || previous.instance === this.#options.instance)
      this.#previous.delete(player);
    else this.#previous.set(player, previous);
  }

  /** A newcomer, whose record is yet to be read. */
  receive(player: string, fence: number): Guest {
    const { store, world, instance, now, onFault, onMilestone, onDisplaced } = this.#options;
    const kept = new KeptPlayer(
      {
        player,
        store,
        world,
        instance,
        now,
        onFailure: onFault,
        earlier: this.#byPlayer.get(player)?.kept ?? null,
        onMilestone: (milestone) => onMilestone(player, milestone),
        // An earlier seat in this instance takes the present one nothing.
        onDisplaced: () => {
          if (this.#byPlayer.get(player)?.kept === kept) onDisplaced(player);
        },
      },
      fence,
    );
    const guest = { kept, id: this.#nextId++, sinceMs: performance.now(), loading: null };
    this.#forget(player);
    this.#byPlayer.set(player, guest);
    this.#playersById.set(guest.id, player);
    return guest;
  }

  /**
   * Resolves once the record was read, or could not be read in time. The connection that replaces one whose player still
   * waits does so with it: a record that it read by itself could lack the last save of the older seat.
   */
  async load(player: string, fence: number, guest: Guest): Promise<void> {
    guest.loading ??= this.#load(player, fence, guest).finally(() => {
      guest.loading = null;
    });
    await guest.loading;
  }

  async #load(player: string, fence: number, guest: Guest): Promise<void> {
    const previous = this.#previous.get(player);
    this.#previous.delete(player);
    const { askToLetGo, loadMs } = this.#options;
    const after =
      previous === undefined ? null : await askToLetGo(previous, player, fence).catch(() => null);
    const limit = new AbortController();
    await Promise.race([
      guest.kept.load(after),
      wait(loadMs, undefined, { signal: limit.signal }).catch(() => {}),
    ]);
    limit.abort();
  }

  /** Puts the figure of a guest into the game, where it is not there yet. */
  place(guest: Guest): void {
    const { game } = this.#options;
    if (game.figure(guest.id) !== undefined) return;
    game.simulation.add(guest.id, guest.kept.position);
    guest.sinceMs = performance.now();
  }

  /** The player has dropped: the figure stands still. */
  hold(player: string): void {
    const guest = this.#byPlayer.get(player);
    if (guest === undefined) return;
    const { game } = this.#options;
    game.simulation.steer(guest.id, (game.figure(guest.id)?.seq ?? 0) + 1, 0, 0);
    void this.#save(player, guest);
  }

  /** The seat is free: the figure goes, and the guest stays until the gain is stored. */
  release(player: string): void {
    this.#previous.delete(player);
    const guest = this.#byPlayer.get(player);
    if (guest === undefined) return;
    this.#report(guest);
    this.#options.game.simulation.remove(guest.id);
    void this.#save(player, guest);
  }

  took(takings: readonly Taking[]): void {
    for (const { figure } of takings) {
      const player = this.#playersById.get(figure.id) ?? '';
      const guest = this.#byPlayer.get(player);
      if (guest === undefined) continue;
      const before = milestoneOf(guest.kept.coins);
      this.#report(guest);
      if (milestoneOf(guest.kept.coins) > before) void this.#save(player, guest);
    }
  }

  async saveAll(): Promise<void> {
    await Promise.all([...this.#byPlayer].map(([player, guest]) => this.#save(player, guest)));
  }

  #report(guest: Guest): void {
    const figure = this.#options.game.figure(guest.id);
    if (figure === undefined) return;
    const { x, y, coins, distance } = figure;
    const playedMs = Math.round(performance.now() - guest.sinceMs);
    guest.kept.report({ position: { x, y }, coins, distance, playedMs });
  }

  /** A player who has gone is forgotten once the gain is stored. */
  async #save(player: string, guest: Guest): Promise<void> {
    this.#report(guest);
    const isIdle = !guest.kept.isPending;
    await guest.kept.settle();
    // Nobody waits for it: it saves nothing.
    if (isIdle) void guest.kept.look();
    const isGone = !this.#options.isSeated(player) && this.#byPlayer.get(player) === guest;
    if (isGone && !guest.kept.isPending) this.#forget(player);
  }

  #forget(player: string): void {
    this.#playersById.delete(this.#byPlayer.get(player)?.id ?? -1);
    this.#byPlayer.delete(player);
  }
}
