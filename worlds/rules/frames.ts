/**
 * The frames by which clients follow a world. One frame is made for all clients: the changes since the
 * frame before. A client that has missed a frame gets a whole one.
 *
 * Invariant: whole frame, then the frames of changes after it, gives the state of the world at the last
 * one (`applyFrame`, which pages and bots use).
 */
import type { Coin, Figure, Simulation, Taking } from './simulation.ts';

export const MESSAGE = {
  welcome: 0,
  changes: 1,
  whole: 2,
  pong: 3,
  milestone: 4,
  move: 5,
  bye: 6,
} as const;

/** For each figure that has changed: id, units walked along x and y since the last frame, seq. */
type Moves = readonly number[];
/** id, x, y, seq, coins */
export type FigureRow = readonly [number, number, number, number, number];
/** number, x, y */
export type CoinRow = readonly [number, number, number];
/** A coin that was taken: number, the place where it lies now, and the id of the figure that took it. */
export type TakingRow = readonly [number, number, number, number];

export type ChangesFrame = readonly [
  type: typeof MESSAGE.changes,
  tick: number,
  moves: Moves,
  joined: readonly FigureRow[],
  left: readonly number[],
  coins: readonly TakingRow[],
];

export type WholeFrame = readonly [
  type: typeof MESSAGE.whole,
  tick: number,
  figures: readonly FigureRow[],
  coins: readonly CoinRow[],
];

export const NUMBERS_OF_MOVE = 4;

interface Shown {
  /** Who leaves and comes back between two frames is another figure of the same id. */
  readonly figure: Figure;
  readonly x: number;
  readonly y: number;
  readonly seq: number;
  readonly coins: number;
}

/** Remembers the state that the last frame has shown. */
export class FrameMaker {
  readonly #simulation: Simulation;
  readonly #figures = new Map<number, Shown>();
  readonly #coins: Map<number, CoinRow>;
  #takings: TakingRow[] = [];
  #tick: number;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#tick = simulation.tick;
    this.#coins = new Map(simulation.coins.map((coin) => [coin.number, coinRow(coin)]));
  }

  /** @param takings of one tick, as `Simulation.step` tells them. */
  took(takings: readonly Taking[]): void {
    for (const { figure, coin } of takings)
      this.#takings.push([coin.number, coin.x, coin.y, figure.id]);
  }

  /** The changes since the last call, of all clients alike. */
  changes(): ChangesFrame {
    const moves: number[] = [];
    const joined: FigureRow[] = [];
    for (const figure of this.#simulation.figures()) {
      const shown = this.#figures.get(figure.id);
      if (shown?.figure !== figure) joined.push(figureRow(figure));
      else if (!isSame(shown, figure))
        moves.push(figure.id, figure.x - shown.x, figure.y - shown.y, figure.seq);
      const { x, y, seq, coins } = figure;
      this.#figures.set(figure.id, { figure, x, y, seq, coins });
    }
    const left = [...this.#figures.keys()].filter(
      (id) => this.#simulation.figure(id) === undefined,
    );
    for (const id of left) this.#figures.delete(id);
    const coins = this.#takings;
    this.#takings = [];
    for (const [number, x, y] of coins) this.#coins.set(number, [number, x, y]);
    this.#tick = this.#simulation.tick;
    return [MESSAGE.changes, this.#tick, moves, joined, left, coins];
  }

  /** The state that the last frame of changes has led to, so that the next one can follow. */
  whole(): WholeFrame {
    const figures = [...this.#figures].map(
      ([id, { x, y, seq, coins }]): FigureRow => [id, x, y, seq, coins],
    );
    return [MESSAGE.whole, this.#tick, figures, [...this.#coins.values()]];
  }
}

export const isQuiet = ([, , moves, joined, left, coins]: ChangesFrame): boolean =>
  moves.length + joined.length + left.length + coins.length === 0;

/** The world as a client sees it. */
export interface WorldView {
  tick: number;
  readonly figures: Map<number, FigureRow>;
  readonly coins: Map<number, CoinRow>;
}

export const emptyView = (): WorldView => ({ tick: 0, figures: new Map(), coins: new Map() });

/** @returns false if a figure has moved that the view lacks: then frames are missing. */
export function applyFrame(view: WorldView, frame: ChangesFrame | WholeFrame): boolean {
  view.tick = frame[1];
  if (frame[0] === MESSAGE.whole) {
    view.figures.clear();
    for (const row of frame[2]) view.figures.set(row[0], row);
    for (const row of frame[3]) view.coins.set(row[0], row);
    return true;
  }
  const [, , moves, joined, left, coins] = frame;
  let isComplete = true;
  for (let at = 0; at + NUMBERS_OF_MOVE <= moves.length; at += NUMBERS_OF_MOVE) {
    const [id = 0, dx = 0, dy = 0, seq = 0] = moves.slice(at, at + NUMBERS_OF_MOVE);
    const row = view.figures.get(id);
    if (row === undefined) isComplete = false;
    else view.figures.set(id, [id, row[1] + dx, row[2] + dy, seq, row[4]]);
  }
  for (const [number, x, y, by] of coins) {
    view.coins.set(number, [number, x, y]);
    const row = view.figures.get(by);
    if (row !== undefined) view.figures.set(by, [row[0], row[1], row[2], row[3], row[4] + 1]);
  }
  // A newcomer's row has all that the figure took before this frame.
  for (const row of joined) view.figures.set(row[0], row);
  for (const id of left) view.figures.delete(id);
  return isComplete;
}

const isSame = (shown: Shown, figure: Figure): boolean =>
  shown.x === figure.x && shown.y === figure.y && shown.seq === figure.seq;

const figureRow = ({ id, x, y, seq, coins }: Figure): FigureRow => [id, x, y, seq, coins];
const coinRow = ({ number, x, y }: Coin): CoinRow => [number, x, y];
