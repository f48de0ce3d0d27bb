/**
 * A watcher that keeps a mirror, moves between nodes, and goes on from its cursor on each.
 *
 * If every node refuses the cursor for a time, it starts without one, as docs/watch.md says.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Dice, type Span } from '../../sim/dice.ts';
import type { ShownMap, Watched } from '../history/evidence.ts';
import type { ChaosNode } from '../nodes/node.ts';
import { Mirror } from './sighting.ts';
import { CursorRefusedError, follow, type StreamKind } from './streams.ts';

const STAY_MS: Span = [3_000, 15_000];
const REST_MS = 200;
/** Longer than a cut is held, so that every node could have come to the cursor. */
const MOST_REFUSED_MS = 30_000;

export class Watcher {
  readonly #name: string;
  readonly #kind: StreamKind;
  readonly #nodes: readonly ChaosNode[];
  readonly #dice: Dice;
  readonly #mirror = new Mirror();
  readonly #ending = new AbortController();
  #cursor: string | null = null;
  #refusedSince: number | null = null;
  #isMoving = true;
  #run: Promise<void> = Promise.resolve();

  constructor(index: number, kind: StreamKind, nodes: readonly ChaosNode[], seed: number) {
    this.#name = `watcher${index + 1} (${kind})`;
    this.#kind = kind;
    this.#nodes = nodes;
    this.#dice = new Dice(seed, `watcher ${index}`);
  }

  begin(): void {
    this.#run = this.#follow();
  }

  /** From now on it stays where it is, so that a stream that has stopped telling is not mended by a move. */
  stay(): void {
    this.#isMoving = false;
  }

  isLevelWith(map: ShownMap): boolean {
    const { values } = this.#mirror;
    if (values.size !== map.size) return false;
    return [...map].every(([key, { value }]) => values.get(key) === value);
  }

  async end(): Promise<Watched> {
    this.#ending.abort();
    await this.#run;
    const { sightings, values } = this.#mirror;
    return { name: this.#name, sightings, mirror: values };
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#stayAtOneNode();
      await wait(REST_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #stayAtOneNode(): Promise<void> {
    const moving = new AbortController();
    const timer = setTimeout(() => {
      if (this.#isMoving) moving.abort();
    }, this.#dice.within(STAY_MS));
    const first = this.#dice.below(this.#nodes.length);
    const urls = this.#nodes.map(({ clientUrl }) => clientUrl);
    const place = {
      urls: [...urls.slice(first), ...urls.slice(0, first)],
      cursor: this.#cursor,
      signal: AbortSignal.any([moving.signal, this.#ending.signal]),
    };
    try {
      for await (const { cursor, ...sighting } of follow(this.#kind, place)) {
        this.#refusedSince = null;
        this.#cursor = cursor;
        this.#mirror.take(sighting);
        if (place.signal.aborted) break;
      }
    } catch (error) {
      // A connection may break at any time; a refused cursor may be taken by another node.
      if (error instanceof CursorRefusedError) this.#wasRefused();
    } finally {
      clearTimeout(timer);
    }
  }

  #wasRefused(): void {
    const now = performance.now();
    this.#refusedSince ??= now;
    if (now - this.#refusedSince < MOST_REFUSED_MS) return;
    this.#refusedSince = null;
    this.#cursor = null;
    const nothing = { key: null, value: null, version: null, from: '', toldUntilMs: 0 };
    this.#mirror.take({ ...nothing, type: 'anew', atMs: Date.now() });
  }
}
