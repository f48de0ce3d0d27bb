/** The messages that a world sends in play, as a client reads them. */
import {
  type ChangesFrame,
  type CoinRow,
  type FigureRow,
  MESSAGE,
  NUMBERS_OF_MOVE,
  type TakingRow,
  type WholeFrame,
} from './frames.ts';
import { MAP_NAMES, type MapName } from './worldConfiguration.ts';

export interface Welcome {
  /** The id of the client's own figure. */
  readonly you: number;
  /** Inputs count on from here. */
  readonly seq: number;
  readonly tickMs: number;
  readonly map: MapName;
  /** The token by which this connection is resumed. */
  readonly resume: string;
  /** All coins of the player. */
  readonly total: number;
  readonly tick: number;
  readonly players: readonly FigureRow[];
  readonly coins: readonly CoinRow[];
}

export type ServerMessage =
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'frame'; readonly frame: ChangesFrame | WholeFrame }
  | { readonly type: 'pong'; readonly time: number }
  | { readonly type: 'milestone'; readonly coins: number }
  /** The world is about to end: join another within `inMs`. */
  | { readonly type: 'move'; readonly reason: string; readonly inMs: number }
  | { readonly type: 'bye' };

/** @param value decoded from MessagePack. @returns null if it is no message of a world. */
export function readServerMessage(value: unknown): ServerMessage | null {
  if (!Array.isArray(value)) return null;
  const [type, a, b, c, d, e] = value as readonly unknown[];
  switch (type) {
    case MESSAGE.welcome: {
      const welcome = readWelcome(a);
      return welcome === null ? null : { type: 'welcome', welcome };
    }
    case MESSAGE.changes:
      if (!isWhole(a) || !isMoves(b) || !isFigureRows(c) || !isRow(d) || !isTakingRows(e))
        return null;
      return { type: 'frame', frame: [MESSAGE.changes, a, b, c, d, e] };
    case MESSAGE.whole:
      if (!isWhole(a) || !isFigureRows(b) || !isCoinRows(c)) return null;
      return { type: 'frame', frame: [MESSAGE.whole, a, b, c] };
    case MESSAGE.pong:
      return typeof a === 'number' ? { type: 'pong', time: a } : null;
    case MESSAGE.milestone:
      return isWhole(a) ? { type: 'milestone', coins: a } : null;
    case MESSAGE.move: {
      if (!isObject(a) || typeof a.reason !== 'string' || typeof a.inMs !== 'number') return null;
      return { type: 'move', reason: a.reason, inMs: a.inMs };
    }
    case MESSAGE.bye:
      return { type: 'bye' };
    default:
      return null;
  }
}

function readWelcome(value: unknown): Welcome | null {
  if (!isObject(value)) return null;
  const { you, seq, tickMs, map, resume, total, tick, players, coins } = value;
  if (!isWhole(you) || !isWhole(seq) || !isWhole(total) || !isWhole(tick)) return null;
  if (typeof tickMs !== 'number' || !(tickMs > 0) || typeof resume !== 'string') return null;
  const name = MAP_NAMES.find((known) => known === map);
  if (name === undefined || !isFigureRows(players) || !isCoinRows(coins)) return null;
  return { you, seq, tickMs, map: name, resume, total, tick, players, coins };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

const isRow = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every(isWhole);

const isMoves = (value: unknown): value is readonly number[] =>
  isRow(value) && value.length % NUMBERS_OF_MOVE === 0;

const isRowsOf = (value: unknown, length: number): boolean =>
  Array.isArray(value) && value.every((row) => isRow(row) && row.length === length);

const isFigureRows = (value: unknown): value is readonly FigureRow[] => isRowsOf(value, 5);
const isCoinRows = (value: unknown): value is readonly CoinRow[] => isRowsOf(value, 3);
const isTakingRows = (value: unknown): value is readonly TakingRow[] => isRowsOf(value, 4);
