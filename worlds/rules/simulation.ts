/**
 * The simulation of a world: whole numbers only, so that a server and a page compute the same. It has no
 * clock: a tick is a call. Coins lie where the seed, the coin's number and the count of its takings say.
 *
 * Invariants: every figure and every coin is on the map; a coin that is taken lies elsewhere at once and
 * is counted for one figure.
 */
import { type GameMap, MAPS, REACH } from './maps.ts';
import type { MapName } from './worldConfiguration.ts';

export const TICKS_PER_SECOND = 20;
export const TICK_MS = 1000 / TICKS_PER_SECOND;

/** −1, 0 or 1. */
export type Step = -1 | 0 | 1;

export interface Position {
  readonly x: number;
  readonly y: number;
}

export interface Figure {
  readonly id: number;
  x: number;
  y: number;
  dx: Step;
  dy: Step;
  /** Of the last input that counts. */
  seq: number;
  /** Coins taken since the figure came. */
  coins: number;
  /** Units walked since the figure came. */
  distance: number;
}

export interface Coin {
  readonly number: number;
  x: number;
  y: number;
  /** How often it was taken. */
  takings: number;
}

/** The memory of a world, from which it goes on after a restart. */
export interface WorldMemory {
  readonly seed: number;
  readonly tick: number;
  /** How often each coin was taken. */
  readonly takings: readonly number[];
}

export interface Taking {
  readonly figure: Figure;
  readonly coin: Coin;
}

export class Simulation {
  readonly map: GameMap;
  readonly #seed: number;
  readonly #figures = new Map<number, Figure>();
  readonly #coins: readonly Coin[];
  #tick: number;

  /** @param memory of which only as much counts as the map has coins. */
  constructor(mapName: MapName, memory: WorldMemory) {
    this.map = MAPS[mapName];
    this.#seed = memory.seed;
    this.#tick = memory.tick;
    this.#coins = Array.from({ length: this.map.coins }, (_unused, number) => {
      const takings = memory.takings[number] ?? 0;
      return { number, takings, ...this.#coinPlace(number, takings) };
    });
  }

  get tick(): number {
    return this.#tick;
  }

  get coins(): readonly Coin[] {
    return this.#coins;
  }

  get memory(): WorldMemory {
    const takings = this.#coins.map((coin) => coin.takings);
    return { seed: this.#seed, tick: this.#tick, takings };
  }

  figure(id: number): Figure | undefined {
    return this.#figures.get(id);
  }

  figures(): IterableIterator<Figure> {
    return this.#figures.values();
  }

  /** @param at where the player was last; null: at a place that the seed and the id say. */
  add(id: number, at: Position | null): Figure {
    const { x, y } = onMap(this.map, at ?? this.#place(id, 0x5eed));
    const figure: Figure = { id, x, y, dx: 0, dy: 0, seq: 0, coins: 0, distance: 0 };
    this.#figures.set(id, figure);
    return figure;
  }

  remove(id: number): void {
    this.#figures.delete(id);
  }

  /** Inputs older than the last one are ignored. */
  steer(id: number, seq: number, dx: Step, dy: Step): void {
    const figure = this.#figures.get(id);
    if (figure === undefined || seq <= figure.seq) return;
    figure.seq = seq;
    figure.dx = dx;
    figure.dy = dy;
  }

  /** One twentieth of a second. @returns the coins that were taken in it. */
  step(): readonly Taking[] {
    this.#tick += 1;
    const takings: Taking[] = [];
    for (const figure of this.#figures.values()) {
      if (figure.dx === 0 && figure.dy === 0) continue;
      const { x, y } = walk(this.map, figure, figure.dx, figure.dy);
      figure.distance += Math.abs(x - figure.x) + Math.abs(y - figure.y);
      figure.x = x;
      figure.y = y;
      for (const coin of this.#coins)
        if (isNear(figure, coin)) takings.push(this.#take(figure, coin));
    }
    return takings;
  }

  #take(figure: Figure, coin: Coin): Taking {
    figure.coins += 1;
    coin.takings += 1;
    Object.assign(coin, this.#coinPlace(coin.number, coin.takings));
    return { figure, coin };
  }

  #coinPlace(number: number, takings: number): Position {
    return this.#place(number, takings);
  }

  #place(a: number, b: number): Position {
    const hash = mixed(this.#seed, a, b);
    return { x: hash % this.map.width, y: Math.floor(hash / 65_536) % this.map.height };
  }
}

/** Where a figure is after one tick; pages predict by the same function. */
export function walk(map: GameMap, { x, y }: Position, dx: Step, dy: Step): Position {
  return onMap(map, { x: x + dx * map.speed, y: y + dy * map.speed });
}

function onMap(map: GameMap, { x, y }: Position): Position {
  return { x: within(x, map.width), y: within(y, map.height) };
}

const within = (value: number, size: number): number =>
  Math.min(size - 1, Math.max(0, Math.trunc(value)));

const isNear = (a: Position, b: Position): boolean =>
  Math.abs(a.x - b.x) <= REACH && Math.abs(a.y - b.y) <= REACH;

/** 32 bits that each argument changes: the finalizer of MurmurHash3 (Appleby, public domain), thrice. */
function mixed(...words: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const word of words) {
    hash = (hash ^ word) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash = (hash ^ (hash >>> 16)) >>> 0;
  }
  return hash;
}
