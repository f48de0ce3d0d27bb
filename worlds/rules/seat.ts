/** The words of seats: the state of each, the events that change them, and the effects that follow. */

/** Milliseconds that a seat keeps each of its promises. */
export interface SeatTimes {
  /** From a reservation until the player must have connected. */
  readonly reservedMs: number;
  /** From a drop until the player must have resumed. */
  readonly heldMs: number;
  /** From the last sign of a connected player until the connection counts as dropped. */
  readonly silentMs: number;
  /** From the last sign of a connected player until the server pings. */
  readonly pingMs: number;
}

export const SEAT_TIMES: SeatTimes = {
  reservedMs: 15_000,
  heldMs: 30_000,
  silentMs: 10_000,
  pingMs: 3000,
};

/** A token that lets one connection in, once. Only its hash is kept. */
export interface Entrance {
  readonly tokenHash: string;
  readonly untilMs: number;
}

interface SeatFacts {
  readonly player: string;
  /** The session of the access token by which the seat was asked for. */
  readonly session: string;
  /** The greatest fence of a token by which the seat was asked for. */
  readonly fence: number;
  /** Present from a reservation until it is used or over. */
  readonly entrance: Entrance | null;
}

export interface ReservedSeat extends SeatFacts {
  readonly state: 'reserved';
  readonly untilMs: number;
}

export interface SeatedSeat extends SeatFacts {
  readonly state: 'seated';
  readonly connection: number;
  readonly resumeHash: string;
  readonly heardAtMs: number;
  readonly untilMs: number;
}

export interface HeldSeat extends SeatFacts {
  readonly state: 'held';
  readonly resumeHash: string;
  readonly untilMs: number;
}

/** Every state has an end: `untilMs`. */
export type Seat = ReservedSeat | SeatedSeat | HeldSeat;

export interface Seats {
  readonly maxPlayers: number;
  readonly isDraining: boolean;
  readonly byPlayer: ReadonlyMap<string, Seat>;
}

export type SeatEvent =
  | {
      readonly type: 'reserve';
      readonly player: string;
      readonly session: string;
      readonly fence: number;
      readonly tokenHash: string;
    }
  | {
      readonly type: 'connect';
      readonly connection: number;
      readonly tokenHash: string;
      /** The token by which this connection is resumed later. */
      readonly resumeHash: string;
    }
  /** Signs of life of these connections since the last such event. */
  | { readonly type: 'heard'; readonly connections: ReadonlySet<number> }
  | { readonly type: 'drop'; readonly connection: number }
  | { readonly type: 'leave'; readonly connection: number }
  /** The answer with this token came too late: nobody will use it. */
  | { readonly type: 'withdraw'; readonly tokenHash: string }
  | { readonly type: 'displace'; readonly player: string; readonly fence: number }
  | { readonly type: 'revoke'; readonly subject: string }
  | { readonly type: 'configure'; readonly maxPlayers: number }
  | { readonly type: 'drain' }
  | { readonly type: 'close' }
  | { readonly type: 'time' };

/** WebSocket close codes of play. */
export const CLOSE = {
  malformed: 4400,
  token: 4401,
  revoked: 4403,
  silent: 4408,
  replaced: 4409,
  closed: 4410,
  slow: 4413,
  flooding: 4429,
  failed: 4500,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** The adapter carries these out after the new state is in place. */
export type SeatEffect =
  | { readonly type: 'close'; readonly connection: number; readonly code: CloseCode }
  | { readonly type: 'ping'; readonly connection: number }
  /** The player plays on this connection; a newcomer has no figure yet. */
  | {
      readonly type: 'admit';
      readonly player: string;
      readonly connection: number;
      readonly fence: number;
      readonly isNewcomer: boolean;
    }
  /** The player has dropped: the figure stands still. */
  | { readonly type: 'hold'; readonly player: string }
  /** Nobody has the seat any more; `wasAdmitted`: there is a figure to save and to take away. */
  | { readonly type: 'free'; readonly player: string; readonly wasAdmitted: boolean };

export type SeatAnswer =
  | { readonly type: 'done' }
  | { readonly type: 'reserved'; readonly isNew: boolean; readonly untilMs: number }
  | {
      readonly type: 'refused';
      readonly reason: 'full' | 'draining' | 'token' | 'older' | 'absent';
    };

export interface SeatDecision {
  readonly seats: Seats;
  readonly answer: SeatAnswer;
  readonly effects: readonly SeatEffect[];
}
