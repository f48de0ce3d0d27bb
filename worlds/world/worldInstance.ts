/**
 * One instance of a world: its seats, its game, and the records of its players. It carries out the
 * effects that the rules of seats decide.
 *
 * Invariant: a seat is decided in one turn of the event loop. All that is awaited comes after, and looks
 * at the seat again before it acts on it.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { decode } from '@msgpack/msgpack';
import type { WebSocket } from 'ws';
import { hashOf, newSecret } from '../access/secrets.ts';
import { MAX_MESSAGE_BYTES, readClientMessage } from '../rules/clientMessages.ts';
import { MESSAGE } from '../rules/frames.ts';
import { milestoneOf } from '../rules/progress.ts';
import {
  CLOSE,
  type Seat,
  type SeatAnswer,
  type SeatEffect,
  type SeatEvent,
} from '../rules/seat.ts';
import { countSeats, decide, emptySeats, type SeatCounts } from '../rules/seats.ts';
import { type Taking, TICK_MS, type WorldMemory } from '../rules/simulation.ts';
import type { InstanceState, WorldConfiguration } from '../rules/worldConfiguration.ts';
import { Game } from './game.ts';
import { KeptPlayer, type PlayerStore } from './keptPlayer.ts';
import { closeSocket, PlayConnection } from './playConnection.ts';

/** The instance where a player sits until he connects here. */
export interface PreviousPlace {
  readonly instance: string;
  readonly controlUrl: string;
}

export interface InstanceTimes {
  readonly saveMs: number;
  /** Between two looks at the seats. */
  readonly seatMs: number;
  /** From the order to drain until all are sent away. */
  readonly drainMs: number;
  /** The longest wait for saves before the end. */
  readonly flushMs: number;
  /** The longest wait for the record of a player who connects. */
  readonly loadMs: number;
}

export const INSTANCE_TIMES: InstanceTimes = {
  saveMs: 5000,
  seatMs: 500,
  drainMs: 30_000,
  flushMs: 10_000,
  loadMs: 4000,
};

export interface WorldInstanceOptions {
  readonly world: string;
  readonly instance: string;
  readonly configuration: Pick<WorldConfiguration, 'map' | 'maxPlayers'>;
  readonly memory: WorldMemory;
  readonly store: PlayerStore;
  /** UTC milliseconds. */
  readonly now: () => number;
  /**
   * Asks another world to let go of a player.
   *
   * @returns the token of its last save; null if there is none, or the world is out of reach.
   */
  readonly askToLetGo: (
    from: PreviousPlace,
    player: string,
    fence: number,
  ) => Promise<string | null>;
  readonly isRevoked: (subject: string) => boolean;
  /** The seats or the state have changed. */
  readonly onChange: () => void;
  readonly onFault: (error: unknown) => void;
  readonly times?: InstanceTimes;
}

export interface ReserveRequest {
  readonly player: string;
  readonly session: string;
  readonly fence: number;
  readonly previous: PreviousPlace | null;
}

export type Reservation =
  | {
      readonly type: 'reserved';
      readonly isNew: boolean;
      readonly token: string;
      readonly untilMs: number;
    }
  | { readonly type: 'refused'; readonly reason: 'full' | 'draining' | 'unsaved' };

/** Players who have left while their saves wait for the cache; beyond it, nobody new comes in. */
export const MAX_UNSAVED = 1000;

interface Guest {
  readonly kept: KeptPlayer;
  /** Of the figure. */
  readonly id: number;
  sinceMs: number;
}

export class WorldInstance implements AsyncDisposable {
  readonly #options: WorldInstanceOptions;
  readonly #times: InstanceTimes;
  readonly #game: Game;
  readonly #connections = new Map<number, PlayConnection>();
  readonly #guests = new Map<string, Guest>();
  readonly #previous = new Map<string, PreviousPlace>();
  readonly #timers: readonly NodeJS.Timeout[];
  #seats;
  #nextId = 1;
  #drained: Promise<void> | null = null;
  /** When the last players of a draining instance are closed. */
  #closeAtMs = Number.POSITIVE_INFINITY;
  #displaced = 0;

  constructor(options: WorldInstanceOptions) {
    this.#options = options;
    this.#times = options.times ?? INSTANCE_TIMES;
    const { map, maxPlayers } = options.configuration;
    this.#seats = emptySeats(maxPlayers);
    this.#game = new Game(map, options.memory, {
      onTakings: (takings) => this.#onTakings(takings),
      onSlow: (connection) => this.#closeAs(connection, CLOSE.slow),
    });
    this.#timers = [
      setInterval(() => this.#act({ type: 'time' }), this.#times.seatMs),
      setInterval(() => void this.#saveAll(), this.#times.saveMs),
    ];
  }

  get counts(): SeatCounts {
    return countSeats(this.#seats);
  }

  get maxPlayers(): number {
    return this.#seats.maxPlayers;
  }

  get state(): InstanceState {
    return this.#seats.isDraining ? 'draining' : 'active';
  }

  /** Those who have a seat. */
  get players(): readonly string[] {
    return [...this.#seats.byPlayer.keys()];
  }

  get memory(): WorldMemory {
    return this.#game.simulation.memory;
  }

  get game(): Pick<Game, 'takeLateMs' | 'skippedTicks' | 'sentBytes'> {
    return this.#game;
  }

  /** Seats that were lost to newer ones elsewhere. */
  get displaced(): number {
    return this.#displaced;
  }

  /** Players whose gain no node is known to have. */
  get unsaved(): number {
    return [...this.#guests.values()].filter(({ kept }) => kept.isPending).length;
  }

  /** Decided at once: nothing is awaited. */
  reserve({ player, session, fence, previous }: ReserveRequest): Reservation {
    const isKnown = this.#seats.byPlayer.has(player);
    const waiting = this.#guests.size - this.#seats.byPlayer.size;
    if (!isKnown && waiting >= MAX_UNSAVED) return { type: 'refused', reason: 'unsaved' };
    const token = newSecret();
    const answer = this.#act({
      ...{ type: 'reserve', player, session, fence, tokenHash: hashOf(token) },
    });
    if (answer.type !== 'reserved') return { type: 'refused', reason: reasonFor(answer) };
    if (previous === null || previous.instance === this.#options.instance)
      this.#previous.delete(player);
    else this.#previous.set(player, previous);
    return { ...answer, token };
  }

  /**
   * Lets go of a player for a newer seat elsewhere.
   *
   * @returns the token of the last save; null for none. `older`: the seat here is the newer one.
   */
  async letGo(player: string, fence: number): Promise<{ saved: string | null } | 'older'> {
    const kept = this.#guests.get(player)?.kept;
    const answer = this.#act({ type: 'displace', player, fence });
    if (answer.type === 'refused' && answer.reason === 'older') return 'older';
    if (answer.type === 'done') this.#displaced += 1;
    await kept?.settle();
    return { saved: kept?.token ?? null };
  }

  /** @param token of a seat, or to resume. */
  connect(socket: WebSocket, token: string): void {
    const id = this.#nextId++;
    const resume = newSecret();
    const tokenHash = hashOf(token);
    const decided = decide(
      this.#seats,
      { type: 'connect', connection: id, tokenHash, resumeHash: hashOf(resume) },
      this.#options.now(),
    );
    const admitted = decided.effects.find((effect) => effect.type === 'admit');
    if (admitted === undefined) {
      socket.on('error', () => socket.terminate());
      closeSocket(socket, CLOSE.token);
      return;
    }
    const { player, fence, isNewcomer } = admitted;
    const connection = new PlayConnection(id, player, socket);
    this.#connections.set(id, connection);
    this.#listen(connection, socket);
    this.#seats = decided.seats;
    this.#carryOut(decided.effects);
    this.#options.onChange();
    const seat = this.#seats.byPlayer.get(player);
    const { isRevoked } = this.#options;
    if (isRevoked(player) || (seat !== undefined && isRevoked(seat.session)))
      this.#act({ type: 'revoke', subject: player });
    else void this.#welcome(connection, fence, isNewcomer, resume).catch(this.#options.onFault);
  }

  /** @param isErased nothing of the player may be saved any more. */
  revoke(subject: string, isErased: boolean): void {
    if (isErased) this.#guests.get(subject)?.kept.forget();
    this.#act({ type: 'revoke', subject });
  }

  configure(maxPlayers: number): void {
    if (maxPlayers !== this.#seats.maxPlayers) this.#act({ type: 'configure', maxPlayers });
  }

  /**
   * Rule 10: nobody new, players are told where to go and have their time, all is saved, all are closed.
   *
   * @param graceMs how long players may stay; of several calls, the one that ends first counts.
   * @returns resolves once every save was acknowledged, or after `flushMs`.
   */
  drain(graceMs: number = this.#times.drainMs): Promise<void> {
    this.#closeAtMs = Math.min(this.#closeAtMs, performance.now() + graceMs);
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#game[Symbol.dispose]();
    for (const connection of this.#connections.values()) connection.close(CLOSE.closed);
  }

  async #drain(graceMs: number): Promise<void> {
    this.#act({ type: 'drain' });
    await this.#saveAll();
    for (const connection of this.#connections.values()) {
      const saved = this.#guests.get(connection.player)?.kept.token ?? null;
      connection.send([MESSAGE.move, { reason: 'drain', inMs: graceMs, saved }]);
    }
    while (this.#seats.byPlayer.size > 0 && performance.now() < this.#closeAtMs) await wait(50);
    this.#act({ type: 'close' });
    const flushUntil = performance.now() + this.#times.flushMs;
    do {
      await this.#saveAll();
      if (this.unsaved > 0) await wait(100);
    } while (this.unsaved > 0 && performance.now() < flushUntil);
  }

  // ---- connections

  #listen(connection: PlayConnection, socket: WebSocket): void {
    socket.on('message', (data, isBinary) => this.#onMessage(connection, data, isBinary));
    socket.on('pong', () => this.#heard(connection));
    // Its frames were malformed: ws closes it, and this makes sure of that.
    socket.on('error', () => closeSocket(socket, CLOSE.malformed));
    socket.on('close', () => {
      this.#forgetConnection(connection);
      this.#act({ type: 'drop', connection: connection.id });
    });
  }

  #onMessage(connection: PlayConnection, data: unknown, isBinary: boolean): void {
    if (!this.#connections.has(connection.id)) return;
    const nowMs = performance.now();
    const verdict = connection.countMessage(nowMs);
    if (verdict === 'close') {
      this.#closeAs(connection, CLOSE.flooding);
      return;
    }
    const message = isBinary ? readClientMessage(decodeMessage(data)) : null;
    if (message === null) {
      this.#closeAs(connection, CLOSE.malformed);
      return;
    }
    this.#heard(connection);
    switch (message.type) {
      case 'input': {
        const guest = this.#guests.get(connection.player);
        if (verdict === 'take' && guest !== undefined)
          this.#game.simulation.steer(guest.id, message.seq, message.dx, message.dy);
        return;
      }
      case 'ping':
        connection.send([MESSAGE.pong, message.time]);
        return;
      case 'leave':
        void this.#leave(connection).catch(this.#options.onFault);
        return;
    }
  }

  #heard(connection: PlayConnection): void {
    if (connection.isNewSign(performance.now()))
      this.#act({ type: 'heard', connection: connection.id });
  }

  async #leave(connection: PlayConnection): Promise<void> {
    const kept = this.#guests.get(connection.player)?.kept;
    this.#act({ type: 'leave', connection: connection.id });
    this.#game.unfollow(connection);
    await kept?.settle();
    connection.send([MESSAGE.bye, { saved: kept?.token ?? null }]);
    connection.close(1000);
  }

  #closeAs(connection: PlayConnection, code: (typeof CLOSE)[keyof typeof CLOSE]): void {
    this.#forgetConnection(connection);
    connection.close(code);
    this.#act({ type: 'drop', connection: connection.id });
  }

  #forgetConnection(connection: PlayConnection): void {
    this.#connections.delete(connection.id);
    this.#game.unfollow(connection);
  }

  /** The figure comes once the record was read, or could not be read in time. */
  async #welcome(
    connection: PlayConnection,
    fence: number,
    isNewcomer: boolean,
    resume: string,
  ): Promise<void> {
    const { player } = connection;
    const guest = isNewcomer ? this.#receive(player, fence) : this.#guests.get(player);
    if (guest === undefined) return;
    if (this.#game.figure(guest.id) === undefined) await this.#load(player, fence, guest);
    // Meanwhile the connection may have been replaced, and the player may have left.
    if (this.#guests.get(player) !== guest || !this.#isSeatedOn(connection)) return;
    if (this.#game.figure(guest.id) === undefined) {
      this.#game.simulation.add(guest.id, guest.kept.position);
      guest.sinceMs = performance.now();
    }
    const { map } = this.#options.configuration;
    const total = guest.kept.coins;
    const shown = this.#game.shown();
    // The figure may not have been in a frame yet: inputs count on from here.
    const seq = this.#game.figure(guest.id)?.seq ?? 0;
    connection.send([
      MESSAGE.welcome,
      { you: guest.id, seq, tickMs: TICK_MS, map, resume, total, ...shown },
    ]);
    this.#game.follow(connection);
  }

  #receive(player: string, fence: number): Guest {
    const { store, world, instance, now, onFault } = this.#options;
    const present = this.#guests.get(player);
    const id = this.#nextId++;
    const kept = new KeptPlayer(
      {
        ...{ player, store, world, instance, now, onFailure: onFault },
        earlier: present?.kept ?? null,
        onMilestone: (milestone) =>
          this.#connectionOf(player)?.send([MESSAGE.milestone, milestone]),
        onDisplaced: () => this.#onDisplaced(player, kept),
      },
      fence,
    );
    const guest = { kept, id, sinceMs: performance.now() };
    this.#guests.set(player, guest);
    return guest;
  }

  async #load(player: string, fence: number, guest: Guest): Promise<void> {
    const previous = this.#previous.get(player);
    this.#previous.delete(player);
    const load = async (): Promise<void> => {
      const after =
        previous === undefined
          ? null
          : await this.#options.askToLetGo(previous, player, fence).catch(() => null);
      await guest.kept.load(after);
    };
    const limit = new AbortController();
    await Promise.race([
      load(),
      wait(this.#times.loadMs, undefined, { signal: limit.signal }).catch(() => {}),
    ]);
    limit.abort();
  }

  /** Its record says that a newer seat has it. */
  #onDisplaced(player: string, kept: KeptPlayer): void {
    // An earlier seat in this instance takes the present one nothing.
    if (this.#guests.get(player)?.kept !== kept) return;
    this.#displaced += 1;
    this.#act({ type: 'displace', player, fence: Number.MAX_SAFE_INTEGER });
  }

  // ---- seats

  #act(event: SeatEvent): SeatAnswer {
    const before = this.#seats;
    const { seats, answer, effects } = decide(before, event, this.#options.now());
    this.#seats = seats;
    this.#carryOut(effects);
    if (event.type !== 'heard' && (event.type !== 'time' || effects.length > 0))
      this.#options.onChange();
    return answer;
  }

  #carryOut(effects: readonly SeatEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'close': {
          const connection = this.#connections.get(effect.connection);
          if (connection === undefined) break;
          this.#forgetConnection(connection);
          connection.close(effect.code);
          break;
        }
        case 'ping':
          this.#connections.get(effect.connection)?.ping();
          break;
        case 'admit':
          break;
        case 'hold': {
          const guest = this.#guests.get(effect.player);
          if (guest === undefined) break;
          const seq = (this.#game.figure(guest.id)?.seq ?? 0) + 1;
          this.#game.simulation.steer(guest.id, seq, 0, 0);
          void this.#save(effect.player, guest);
          break;
        }
        case 'free':
          this.#previous.delete(effect.player);
          this.#release(effect.player);
          break;
      }
    }
  }

  #release(player: string): void {
    const guest = this.#guests.get(player);
    if (guest === undefined) return;
    this.#report(guest);
    this.#game.simulation.remove(guest.id);
    void this.#save(player, guest);
  }

  #isSeatedOn({ player, id }: PlayConnection): boolean {
    const seat: Seat | undefined = this.#seats.byPlayer.get(player);
    return seat?.state === 'seated' && seat.connection === id;
  }

  #connectionOf(player: string): PlayConnection | undefined {
    const seat = this.#seats.byPlayer.get(player);
    return seat?.state === 'seated' ? this.#connections.get(seat.connection) : undefined;
  }

  // ---- records

  #onTakings(takings: readonly Taking[]): void {
    const byId = new Map([...this.#guests].map((entry) => [entry[1].id, entry]));
    for (const { figure } of takings) {
      const [player, guest] = byId.get(figure.id) ?? [];
      if (player === undefined || guest === undefined) continue;
      const before = milestoneOf(guest.kept.coins);
      this.#report(guest);
      if (milestoneOf(guest.kept.coins) > before) void this.#save(player, guest);
    }
  }

  #report(guest: Guest): void {
    const figure = this.#game.figure(guest.id);
    if (figure === undefined) return;
    const { x, y, coins, distance } = figure;
    const playedMs = Math.round(performance.now() - guest.sinceMs);
    guest.kept.report({ position: { x, y }, coins, distance, playedMs });
  }

  async #saveAll(): Promise<void> {
    await Promise.all([...this.#guests].map(([player, guest]) => this.#save(player, guest)));
  }

  /** A player who has gone is forgotten once the gain is stored. */
  async #save(player: string, guest: Guest): Promise<void> {
    this.#report(guest);
    await guest.kept.settle();
    const isGone = !this.#seats.byPlayer.has(player) && this.#guests.get(player) === guest;
    if (isGone && !guest.kept.isPending) this.#guests.delete(player);
  }
}

function reasonFor(answer: SeatAnswer): 'full' | 'draining' {
  return answer.type === 'refused' && answer.reason === 'draining' ? 'draining' : 'full';
}

/** @returns null for a message that is too long or no MessagePack. */
function decodeMessage(data: unknown): unknown {
  if (!(data instanceof Uint8Array) || data.byteLength > MAX_MESSAGE_BYTES) return null;
  try {
    return decode(data);
  } catch {
    return null;
  }
}
