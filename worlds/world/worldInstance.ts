/**
 * One instance of a world: its seats. It carries out the effects that the rules of seats decide, on its
 * connections, its game and its guests.
 *
 * Invariant: a seat is decided in one turn of the event loop. All that is awaited comes after, and looks
 * at the seat again before it acts on it.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { hashOf, newSecret } from '../access/secrets.ts';
import type { Labelled } from '../process/metrics.ts';
import { Tally } from '../process/tally.ts';
import { MESSAGE } from '../rules/frames.ts';
import {
  CLOSE,
  type CloseCode,
  type Seat,
  type SeatAnswer,
  type SeatEffect,
  type SeatEvent,
} from '../rules/seat.ts';
import { countSeats, decide, emptySeats, type SeatCounts } from '../rules/seats.ts';
import { TICK_MS, type WorldMemory } from '../rules/simulation.ts';
import type { InstanceState } from '../rules/worldConfiguration.ts';
import { BeatWork, type Every } from './beatWork.ts';
import { Game } from './game.ts';
import { Guests } from './guests.ts';
import {
  INSTANCE_TIMES,
  type InstanceTimes,
  type WorldInstanceOptions,
} from './instanceOptions.ts';
import { closeName, closeSocket, type PlayConnection } from './playConnection.ts';
import { PlayConnections } from './playConnections.ts';
import type { PlaySocket } from './readyFrame.ts';
import { type Reservation, type ReserveRequest, reasonFor } from './reservation.ts';
import { SeatTraces } from './seatTraces.ts';

/** Players who have left while their saves wait for the cache; beyond it, nobody new comes in. */
export const MAX_UNSAVED = 1000;

export class WorldInstance implements AsyncDisposable {
  readonly #options: WorldInstanceOptions;
  readonly #times: InstanceTimes;
  readonly #game: Game;
  readonly #guests: Guests;
  readonly #connections = new PlayConnections({
    onInput: (player, { seq, dx, dy }) => {
      const guest = this.#guests.get(player);
      if (guest !== undefined) this.#game.simulation.steer(guest.id, seq, dx, dy);
    },
    onPing: (connection, time) => connection.send([MESSAGE.pong, time]),
    onLeave: (connection) => void this.#leave(connection).catch(this.#options.onFault),
    onHeard: ({ id }) => void this.#heard.add(id),
    onFault: (connection, code) => this.#closeAs(connection, code),
    onClose: (connection) => {
      this.#game.unfollow(connection);
      this.#act({ type: 'drop', connection: connection.id });
    },
  });
  readonly #work = new BeatWork();
  readonly #traces = new SeatTraces();
  /** Connections with a sign of life that the seats have not been told of. */
  #heard = new Set<number>();
  readonly #reservations = new Tally(['new', 'same', 'full', 'draining', 'unsaved']);
  readonly #closings = new Tally(Object.keys(CLOSE));
  #seats;
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
      onTakings: (takings) => this.#guests.took(takings),
      onSlow: (connection) => this.#closeAs(connection, CLOSE.slow),
      onTick: options.onTick ?? (() => {}),
      onBeat: () => this.#work.beat(),
    });
    const { store, world, instance, now, askToLetGo, onFault } = options;
    this.#guests = new Guests({
      store,
      world,
      instance,
      now,
      askToLetGo,
      onFault,
      game: this.#game,
      loadMs: this.#times.loadMs,
      isSeated: (player) => this.#seats.byPlayer.has(player),
      onMilestone: (player, milestone) =>
        this.#connectionOf(player)?.send([MESSAGE.milestone, milestone]),
      onDisplaced: (player) => this.#onDisplaced(player),
    });
    this.every(this.#times.seatMs, () => this.#lookAtSeats());
    this.every(this.#times.saveMs, () => void this.#guests.saveAll());
  }

  /** Work that goes on as long as the instance does. */
  get every(): Every {
    return this.#work.every;
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

  get game(): Pick<Game, 'simulation' | 'takeLateMs' | 'skippedTicks' | 'sentBytes'> {
    return this.#game;
  }

  /** Seats that were lost to newer ones elsewhere. */
  get displaced(): number {
    return this.#displaced;
  }

  /** Seats that were asked for, by result. */
  get reservations(): Labelled {
    return this.#reservations.counts;
  }

  /** Connections that this instance has closed, by the name of the code. */
  get closings(): Labelled {
    return this.#closings.counts;
  }

  /** Players whose gain no node is known to have. */
  get unsaved(): number {
    return this.#guests.unsaved;
  }

  /** Decided at once: nothing is awaited. */
  reserve(request: ReserveRequest): Reservation {
    const reservation = this.#reserve(request);
    if (reservation.type === 'refused') this.#reservations.add(reservation.reason);
    else this.#reservations.add(reservation.isNew ? 'new' : 'same');
    return reservation;
  }

  #reserve({ player, session, fence, previous }: ReserveRequest): Reservation {
    const isKnown = this.#seats.byPlayer.has(player);
    const waiting = this.#guests.size - this.#seats.byPlayer.size;
    if (!isKnown && waiting >= MAX_UNSAVED) return { type: 'refused', reason: 'unsaved' };
    const token = newSecret();
    const answer = this.#act({
      type: 'reserve',
      player,
      session,
      fence,
      tokenHash: hashOf(token),
    });
    if (answer.type !== 'reserved') return { type: 'refused', reason: reasonFor(answer) };
    this.#guests.expect(player, previous);
    this.#traces.keep(player);
    return { ...answer, token };
  }

  /** @param token of a reservation that nobody will use. */
  withdraw(token: string): void {
    this.#act({ type: 'withdraw', tokenHash: hashOf(token) });
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
    if (answer.type === 'done') this.#countDisplaced(player);
    await kept?.settle();
    return { saved: kept?.token ?? null };
  }

  /** @param token of a seat, or to resume. */
  connect(playSocket: PlaySocket, token: string): void {
    const { socket } = playSocket;
    const id = this.#connections.newId();
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
      this.#closings.add('token');
      closeSocket(socket, CLOSE.token);
      return;
    }
    const { player, fence, isNewcomer } = admitted;
    const connection = this.#connections.open(id, player, playSocket);
    this.#seats = decided.seats;
    this.#carryOut(decided.effects);
    this.#options.onChange();
    const seat = this.#seats.byPlayer.get(player);
    const { isRevoked } = this.#options;
    if (isRevoked(player) || (seat !== undefined && isRevoked(seat.session)))
      this.#act({ type: 'revoke', subject: player });
    else
      this.#traces.resume(player, () => {
        this.#options.onPlayer?.('connects', player);
        void this.#welcome(connection, fence, isNewcomer, resume).catch(this.#options.onFault);
      });
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
    this.#game[Symbol.dispose]();
    for (const connection of this.#connections) connection.close(CLOSE.closed);
  }

  async #drain(graceMs: number): Promise<void> {
    this.#act({ type: 'drain' });
    await this.#guests.saveAll();
    for (const connection of this.#connections) {
      const saved = this.#guests.get(connection.player)?.kept.token ?? null;
      connection.send([MESSAGE.move, { reason: 'drain', inMs: graceMs, saved }]);
    }
    while (this.#seats.byPlayer.size > 0 && performance.now() < this.#closeAtMs) await wait(50);
    this.#act({ type: 'close' });
    const flushUntil = performance.now() + this.#times.flushMs;
    do {
      await this.#guests.saveAll();
      if (this.unsaved > 0) await wait(100);
    } while (this.unsaved > 0 && performance.now() < flushUntil);
  }

  // ---- connections

  async #leave(connection: PlayConnection): Promise<void> {
    const kept = this.#guests.get(connection.player)?.kept;
    this.#act({ type: 'leave', connection: connection.id });
    this.#game.unfollow(connection);
    await kept?.settle();
    connection.send([MESSAGE.bye, { saved: kept?.token ?? null }]);
    connection.close(1000);
  }

  #closeAs(connection: PlayConnection, code: CloseCode): void {
    this.#closings.add(closeName(code));
    this.#forgetConnection(connection);
    connection.close(code);
    this.#act({ type: 'drop', connection: connection.id });
  }

  #forgetConnection(connection: PlayConnection): void {
    this.#connections.forget(connection);
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
    const guest = isNewcomer ? this.#guests.receive(player, fence) : this.#guests.get(player);
    if (guest === undefined) return;
    if (this.#game.figure(guest.id) === undefined) await this.#guests.load(player, fence, guest);
    // Meanwhile the connection may have been replaced, and the player may have left.
    if (this.#guests.get(player) !== guest || !this.#isSeatedOn(connection)) return;
    this.#guests.place(guest);
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

  #onDisplaced(player: string): void {
    this.#countDisplaced(player);
    this.#act({ type: 'displace', player, fence: Number.MAX_SAFE_INTEGER });
  }

  #countDisplaced(player: string): void {
    this.#displaced += 1;
    this.#options.onPlayer?.('displaced', player);
  }

  // ---- seats

  /** Tells the seats the time, and before that who was heard: otherwise they would ping or end somebody who is there. */
  #lookAtSeats(): void {
    const connections = this.#heard;
    this.#heard = new Set();
    if (connections.size > 0) this.#act({ type: 'heard', connections });
    this.#act({ type: 'time' });
  }

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
          this.#closings.add(closeName(effect.code));
          this.#forgetConnection(connection);
          connection.close(effect.code);
          break;
        }
        case 'ping':
          this.#connections.get(effect.connection)?.ping();
          break;
        case 'admit':
          break;
        case 'hold':
          this.#guests.hold(effect.player);
          break;
        case 'free':
          this.#guests.release(effect.player);
          this.#traces.forget(effect.player);
          break;
      }
    }
  }

  #isSeatedOn({ player, id }: PlayConnection): boolean {
    const seat: Seat | undefined = this.#seats.byPlayer.get(player);
    return seat?.state === 'seated' && seat.connection === id;
  }

  #connectionOf(player: string): PlayConnection | undefined {
    const seat = this.#seats.byPlayer.get(player);
    return seat?.state === 'seated' ? this.#connections.get(seat.connection) : undefined;
  }
}
