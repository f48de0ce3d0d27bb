/**
 * Rules 1 to 5: who has a seat in a world. One synchronous function decides, and nothing is awaited
 * between its check and its mark, so no order of requests gives a seat twice.
 *
 * 1. Reserved, seated and held seats are never more than `maxPlayers`, unless that was lowered: then
 *    nobody is thrown out, and nobody new comes in.
 * 2. A player has one seat. Asking again gives the same seat and a new token.
 * 3. A reservation holds until its time is over, also while the world drains, unless the one that asked for it withdraws.
 * 4. Every seat has an end. Only signs of a connected player put it off.
 * 5. The newest connection of a seat replaces the older one at once.
 */
import {
  CLOSE,
  type CloseCode,
  SEAT_TIMES,
  type Seat,
  type SeatAnswer,
  type SeatDecision,
  type SeatEffect,
  type SeatEvent,
  type Seats,
  type SeatTimes,
} from './seat.ts';

const DONE: SeatAnswer = { type: 'done' };

export const emptySeats = (maxPlayers: number): Seats => ({
  maxPlayers,
  isDraining: false,
  byPlayer: new Map(),
});

/** @param nowMs by the clock that gave the seats their ends. */
export function decide(
  seats: Seats,
  event: SeatEvent,
  nowMs: number,
  times: SeatTimes = SEAT_TIMES,
): SeatDecision {
  switch (event.type) {
    case 'reserve':
      return reserve(seats, event, nowMs, times);
    case 'connect':
      return connect(seats, event, nowMs, times);
    case 'heard':
      return heard(seats, event.connections, nowMs, times);
    case 'drop':
      return drop(seats, event.connection, nowMs, times);
    case 'leave':
      return leave(seats, event.connection, nowMs);
    case 'withdraw':
      return withdraw(seats, event.tokenHash);
    case 'displace':
      return displace(seats, event.player, event.fence);
    case 'revoke':
      return free(
        seats,
        [...seats.byPlayer.values()].filter(
          ({ player, session }) => player === event.subject || session === event.subject,
        ),
        CLOSE.revoked,
      );
    case 'configure':
      return { seats: { ...seats, maxPlayers: event.maxPlayers }, answer: DONE, effects: [] };
    case 'drain':
      return { seats: { ...seats, isDraining: true }, answer: DONE, effects: [] };
    case 'close': {
      const closed = free(seats, [...seats.byPlayer.values()], CLOSE.closed);
      return { ...closed, seats: { ...closed.seats, isDraining: true } };
    }
    case 'time':
      return passTime(seats, nowMs, times);
  }
}

type EventOf<Type extends SeatEvent['type']> = Extract<SeatEvent, { readonly type: Type }>;

function reserve(
  seats: Seats,
  event: EventOf<'reserve'>,
  nowMs: number,
  times: SeatTimes,
): SeatDecision {
  const { player, session, fence, tokenHash } = event;
  const present = liveSeat(seats, player, nowMs);
  const last = seats.byPlayer.get(player);
  if (present === undefined && last !== undefined && promisedSeat(last, nowMs) !== null) {
    const passed = passTime(seats, nowMs, times);
    const decision = reserve(passed.seats, event, nowMs, times);
    return { ...decision, effects: [...passed.effects, ...decision.effects] };
  }
  if (present !== undefined && seats.isDraining && present.state !== 'reserved')
    return unchanged(seats, { type: 'refused', reason: 'draining' });
  if (present !== undefined) {
    // A world that drains keeps its promises and makes no longer ones.
    const untilMs =
      seats.isDraining && present.state === 'reserved' ? present.untilMs : nowMs + times.reservedMs;
    const entrance = { tokenHash, untilMs };
    const facts = { session, fence: Math.max(fence, present.fence), entrance };
    const seat: Seat =
      present.state === 'reserved' ? { ...present, ...facts, untilMs } : { ...present, ...facts };
    const answer: SeatAnswer = { type: 'reserved', isNew: false, untilMs };
    return { seats: withSeat(seats, seat), answer, effects: [] };
  }
  if (seats.isDraining) return unchanged(seats, { type: 'refused', reason: 'draining' });
  // A seat whose time is over is free, whether or not somebody has told the time since.
  const { seats: living, effects } = passTime(seats, nowMs, times);
  if (living.byPlayer.size >= living.maxPlayers)
    return { seats: living, answer: { type: 'refused', reason: 'full' }, effects };
  const untilMs = nowMs + times.reservedMs;
  const entrance = { tokenHash, untilMs };
  const seat: Seat = { state: 'reserved', player, session, fence, entrance, untilMs };
  const answer: SeatAnswer = { type: 'reserved', isNew: true, untilMs };
  return { seats: withSeat(living, seat), answer, effects };
}

function connect(
  seats: Seats,
  { connection, tokenHash, resumeHash }: EventOf<'connect'>,
  nowMs: number,
  times: SeatTimes,
): SeatDecision {
  const seat = [...seats.byPlayer.values()].find((candidate) => opens(candidate, tokenHash, nowMs));
  if (seat === undefined) {
    const effects: SeatEffect[] = [{ type: 'close', connection, code: CLOSE.token }];
    return { seats, answer: { type: 'refused', reason: 'token' }, effects };
  }
  const { player, session, fence } = seat;
  const isNewcomer = seat.state === 'reserved';
  const effects: SeatEffect[] = [];
  if (seat.state === 'seated')
    effects.push({ type: 'close', connection: seat.connection, code: CLOSE.replaced });
  effects.push({ type: 'admit', player, connection, fence, isNewcomer });
  const seated: Seat = {
    state: 'seated',
    player,
    session,
    fence,
    entrance: null,
    connection,
    resumeHash,
    heardAtMs: nowMs,
    untilMs: nowMs + times.silentMs,
  };
  return { seats: withSeat(seats, seated), answer: DONE, effects };
}

function opens(seat: Seat, tokenHash: string, nowMs: number): boolean {
  const { entrance } = seat;
  if (entrance !== null && entrance.tokenHash === tokenHash && nowMs < entrance.untilMs)
    return true;
  if (seat.state === 'reserved' || seat.resumeHash !== tokenHash) return false;
  // A silent player keeps the seat until somebody has told the time, and then as a held one.
  return seat.state === 'seated' || nowMs < seat.untilMs;
}

/** All at once: a copy of the seats for each sign of life would cost a full world more than the inputs do. */
function heard(
  seats: Seats,
  connections: ReadonlySet<number>,
  nowMs: number,
  times: SeatTimes,
): SeatDecision {
  const ends = { heardAtMs: nowMs, untilMs: nowMs + times.silentMs };
  const byPlayer = new Map<string, Seat>();
  for (const [player, seat] of seats.byPlayer) {
    const isHeard = seat.state === 'seated' && connections.has(seat.connection);
    byPlayer.set(player, isHeard ? { ...seat, ...ends } : seat);
  }
  return { seats: { ...seats, byPlayer }, answer: DONE, effects: [] };
}

/** The end of a connection that was replaced changes nothing. */
function drop(seats: Seats, connection: number, nowMs: number, times: SeatTimes): SeatDecision {
  const seat = seatOf(seats, connection);
  if (seat === undefined) return unchanged(seats, DONE);
  const { player, session, fence, entrance, resumeHash } = seat;
  const untilMs = nowMs + times.heldMs;
  const held: Seat = { state: 'held', player, session, fence, entrance, resumeHash, untilMs };
  return { seats: withSeat(seats, held), answer: DONE, effects: [{ type: 'hold', player }] };
}

function leave(seats: Seats, connection: number, nowMs: number): SeatDecision {
  const seat = seatOf(seats, connection);
  if (seat === undefined) return unchanged(seats, DONE);
  const promised = promisedSeat(seat, nowMs);
  if (promised === null) return free(seats, [seat], null);
  return { seats: withSeat(seats, promised), answer: DONE, effects: [freed(seat)] };
}

/**
 * Rule 3 for a seat that its connection has left: a token that was given meanwhile, as to another window of the player,
 * keeps it reserved.
 */
function promisedSeat({ player, session, fence, entrance }: Seat, nowMs: number): Seat | null {
  if (entrance === null || nowMs >= entrance.untilMs) return null;
  const { untilMs } = entrance;
  return { state: 'reserved', player, session, fence, entrance, untilMs };
}

/**
 * Ends a reservation before its time, as the one that has asked for it wishes: the player has a seat elsewhere by now.
 * Another token of the player's, given since, keeps the seat.
 */
function withdraw(seats: Seats, tokenHash: string): SeatDecision {
  const seat = [...seats.byPlayer.values()].find(
    ({ entrance }) => entrance?.tokenHash === tokenHash,
  );
  if (seat === undefined) return unchanged(seats, DONE);
  if (seat.state === 'reserved') return free(seats, [seat], null);
  return { seats: withSeat(seats, { ...seat, entrance: null }), answer: DONE, effects: [] };
}

/**
 * Rule 6, the part of the old world: it lets go of a player who has a newer seat elsewhere. Of two seats
 * of one second the one that asks is the newer, because a world asks when the player connects.
 */
function displace(seats: Seats, player: string, fence: number): SeatDecision {
  const seat = seats.byPlayer.get(player);
  if (seat === undefined) return unchanged(seats, { type: 'refused', reason: 'absent' });
  if (fence < seat.fence) return unchanged(seats, { type: 'refused', reason: 'older' });
  return free(seats, [seat], CLOSE.replaced);
}

function passTime(seats: Seats, nowMs: number, times: SeatTimes): SeatDecision {
  const byPlayer = new Map<string, Seat>();
  const effects: SeatEffect[] = [];
  for (const seat of seats.byPlayer.values()) {
    if (nowMs < seat.untilMs) {
      byPlayer.set(seat.player, seat);
      if (seat.state === 'seated' && nowMs >= seat.heardAtMs + times.pingMs)
        effects.push({ type: 'ping', connection: seat.connection });
      continue;
    }
    if (seat.state === 'seated') {
      const { player, session, fence, entrance, resumeHash } = seat;
      const untilMs = nowMs + times.heldMs;
      byPlayer.set(player, {
        state: 'held',
        player,
        session,
        fence,
        entrance,
        resumeHash,
        untilMs,
      });
      effects.push({ type: 'close', connection: seat.connection, code: CLOSE.silent });
      effects.push({ type: 'hold', player });
    } else {
      const promised = promisedSeat(seat, nowMs);
      if (promised !== null) byPlayer.set(seat.player, promised);
      effects.push(freed(seat));
    }
  }
  return { seats: { ...seats, byPlayer }, answer: DONE, effects };
}

function free(seats: Seats, gone: readonly Seat[], code: CloseCode | null): SeatDecision {
  const byPlayer = new Map(seats.byPlayer);
  const effects: SeatEffect[] = [];
  for (const seat of gone) {
    byPlayer.delete(seat.player);
    effects.push(freed(seat));
    if (seat.state === 'seated' && code !== null)
      effects.push({ type: 'close', connection: seat.connection, code });
  }
  return { seats: { ...seats, byPlayer }, answer: DONE, effects };
}

const freed = ({ player, state }: Seat): SeatEffect => ({
  type: 'free',
  player,
  wasAdmitted: state !== 'reserved',
});

const unchanged = (seats: Seats, answer: SeatAnswer): SeatDecision => ({
  seats,
  answer,
  effects: [],
});

function withSeat(seats: Seats, seat: Seat): Seats {
  return { ...seats, byPlayer: new Map(seats.byPlayer).set(seat.player, seat) };
}

function liveSeat(seats: Seats, player: string, nowMs: number): Seat | undefined {
  const seat = seats.byPlayer.get(player);
  if (seat === undefined || (seat.state !== 'seated' && nowMs >= seat.untilMs)) return undefined;
  return seat;
}

function seatOf(seats: Seats, connection: number): Extract<Seat, { state: 'seated' }> | undefined {
  for (const seat of seats.byPlayer.values())
    if (seat.state === 'seated' && seat.connection === connection) return seat;
  return undefined;
}

export interface SeatCounts {
  readonly reserved: number;
  readonly seated: number;
  readonly held: number;
  /** All three. */
  readonly taken: number;
}

export function countSeats(seats: Seats): SeatCounts {
  const counts = { reserved: 0, seated: 0, held: 0 };
  for (const { state } of seats.byPlayer.values()) counts[state] += 1;
  return { ...counts, taken: seats.byPlayer.size };
}
