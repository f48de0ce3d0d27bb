/**
 * The sight of a world at a moment: the server's last word, with the own figure moved on by what the server
 * has not counted yet, and all figures gliding from where they were.
 */
import {
  applyFrame,
  type ChangesFrame,
  emptyView,
  MESSAGE,
  type WholeFrame,
} from '../../rules/frames.ts';
import { type GameMap, MAPS } from '../../rules/maps.ts';
import { predictPosition, unconfirmedTicks, type WalkedTick } from '../../rules/prediction.ts';
import type { Welcome } from '../../rules/serverMessages.ts';
import type { Position, Step } from '../../rules/simulation.ts';
import type { MapName } from '../../rules/worldConfiguration.ts';

/** The share of a distance that is left after so long is 1/e. */
const GLIDE_MS = 60;
/** A figure that is farther away was put there, and did not walk. */
const JUMP_UNITS = 200;

export interface Direction {
  readonly dx: Step;
  readonly dy: Step;
}

export interface ShownFigure {
  readonly id: number;
  readonly isOwn: boolean;
  readonly coins: number;
  x: number;
  y: number;
  /** The way that it looks. */
  heading: Direction;
}

export class Scene {
  readonly mapName: MapName;
  readonly map: GameMap;
  readonly you: number;
  readonly #view = emptyView();
  readonly #shown = new Map<number, ShownFigure>();
  readonly #totalAtWelcome: number;
  readonly #coinsAtWelcome: number;
  #ticks: WalkedTick[] = [];
  #shownAtMs: number;

  constructor({ map, you, total, tick, players, coins }: Welcome, nowMs: number) {
    this.mapName = map;
    this.map = MAPS[map];
    this.you = you;
    applyFrame(this.#view, [MESSAGE.whole, tick, players, coins]);
    this.#totalAtWelcome = total;
    this.#coinsAtWelcome = this.#view.figures.get(you)?.[4] ?? 0;
    this.#shownAtMs = nowMs;
  }

  /** All coins of the player. */
  get coins(): number {
    const taken = this.#view.figures.get(this.you)?.[4] ?? this.#coinsAtWelcome;
    return this.#totalAtWelcome + Math.max(0, taken - this.#coinsAtWelcome);
  }

  get players(): number {
    return this.#view.figures.size;
  }

  /** Where coins lie. */
  get ground(): Position[] {
    return [...this.#view.coins.values()].map(([, x, y]) => ({ x, y }));
  }

  /** The own figure as the server has told it last; null before its first frame. */
  get told(): Position | null {
    const row = this.#view.figures.get(this.you);
    return row === undefined ? null : { x: row[1], y: row[2] };
  }

  /** The own figure as it is now, as far as this page knows. */
  get own(): Position | null {
    const { told } = this;
    return told === null ? null : predictPosition(this.map, told, this.#ticks);
  }

  /**
   * @param roundTripMs the last that was measured.
   * @returns false if frames are missing: only a new welcome helps.
   */
  take(frame: ChangesFrame | WholeFrame, nowMs: number, roundTripMs: number): boolean {
    const isComplete = applyFrame(this.#view, frame);
    const ackedSeq = this.#view.figures.get(this.you)?.[3] ?? 0;
    this.#ticks = unconfirmedTicks(this.#ticks, ackedSeq, nowMs - roundTripMs);
    return isComplete;
  }

  /** One tick of the own figure, before the server tells of it. */
  walk({ dx, dy }: Direction, seq: number, atMs: number): void {
    if (dx === 0 && dy === 0) return;
    this.#ticks.push({ seq, dx, dy, atMs });
  }

  figures(nowMs: number): readonly ShownFigure[] {
    const share = 1 - Math.exp(-Math.max(0, nowMs - this.#shownAtMs) / GLIDE_MS);
    this.#shownAtMs = nowMs;
    const own = this.own;
    for (const id of this.#shown.keys()) if (!this.#view.figures.has(id)) this.#shown.delete(id);
    for (const [id, x, y, , coins] of this.#view.figures.values()) {
      const isOwn = id === this.you;
      const target = isOwn && own !== null ? own : { x, y };
      const present = this.#shown.get(id);
      this.#shown.set(id, glided(present, { id, isOwn, coins }, target, share));
    }
    return [...this.#shown.values()].sort((a, b) => a.y - b.y);
  }
}

function glided(
  present: ShownFigure | undefined,
  facts: Pick<ShownFigure, 'id' | 'isOwn' | 'coins'>,
  target: Position,
  share: number,
): ShownFigure {
  if (present === undefined || Math.hypot(target.x - present.x, target.y - present.y) > JUMP_UNITS)
    return { ...facts, ...target, heading: { dx: 0, dy: 0 } };
  const x = present.x + (target.x - present.x) * share;
  const y = present.y + (target.y - present.y) * share;
  const heading = { dx: stepOf(target.x - present.x), dy: stepOf(target.y - present.y) };
  return { ...facts, x, y, heading };
}

const stepOf = (distance: number): Step => {
  if (Math.abs(distance) < 1) return 0;
  return distance > 0 ? 1 : -1;
};
