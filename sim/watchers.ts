/**
 * The watchers of the simulated cluster: cut at random, for a while or to go on at once, on any node,
 * with full sockets now and then. In the end each must hold exactly the entries that its node shows.
 */
import type { KeyOp } from '../src/words/op.ts';
import type { Timeline } from './clock.ts';
import type { Dice } from './dice.ts';
import type { SimNode } from './node.ts';
import type { Report } from './violation.ts';
import { isSameValue, SimWatcher } from './watcher.ts';

const PREFIXES = ['', 'key', 'key1', 'key2', '__', 'a', 'none'];
const ACT_EVERY_MS = 20;
/** The most by which a node's sweep may be late. */
export const SWEEP_LATE_MS = 500;

export class Watchers {
  readonly counts = { events: 0, resets: 0, resumes: 0, touches: 0 };
  readonly #watchers: readonly SimWatcher[];
  readonly #ops = new Map<string, KeyOp[]>();
  readonly #known = new Set<string>();
  readonly #nodes: readonly SimNode[];
  readonly #timeline: Timeline;
  readonly #report: Report;
  readonly #dice: Dice;

  constructor(
    count: number,
    nodes: readonly SimNode[],
    { timeline, report }: { timeline: Timeline; report: Report },
    dice: Dice,
  ) {
    this.#nodes = nodes;
    this.#timeline = timeline;
    this.#report = report;
    this.#dice = dice;
    const world = {
      opsOf: (key: string) => this.#ops.get(key) ?? [],
      report: (text: string) => report('watch', text),
      counts: this.counts,
    };
    this.#watchers = Array.from({ length: count }, (_, index) => {
      const prefix = PREFIXES[index % PREFIXES.length] ?? '';
      return new SimWatcher(`watcher ${index}`, prefix, index % 3 === 0 ? 1 : 8, world);
    });
  }

  /** An op was committed somewhere. */
  committed(op: KeyOp): void {
    const id = `${op.origin}/${op.seq}`;
    if (this.#known.has(id)) return;
    this.#known.add(id);
    const ops = this.#ops.get(op.key);
    if (ops === undefined) this.#ops.set(op.key, [op]);
    else ops.push(op);
  }

  /** @param goesOn asked before each act. */
  start(goesOn: () => boolean): void {
    if (this.#watchers.length === 0) return;
    this.#timeline.plan(this.#dice.waitMs(ACT_EVERY_MS), '', 'watchers', () => {
      if (!goesOn()) return;
      this.#act(this.#dice.pick(this.#watchers));
      this.start(goesOn);
    });
  }

  /** Everybody connects and reads. To be called until `areLevel`. */
  catchUp(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.isConnected) watcher.connect(this.#dice.pick(this.#nodes));
      watcher.read();
    }
  }

  get areLevel(): boolean {
    return this.#watchers.every(({ isLive, isSynced }) => isLive && isSynced);
  }

  describe(): string {
    return this.#watchers
      .filter(({ isLive, isSynced }) => !isLive || !isSynced)
      .map(({ name, node, isConnected }) => `${name} on ${node?.name} (connected: ${isConnected})`)
      .join(', ');
  }

  judge(): void {
    for (const watcher of this.#watchers) this.#judgeOne(watcher);
  }

  #act(watcher: SimWatcher): void {
    const roll = this.#dice.below(20);
    if (!watcher.isConnected) {
      if (roll < watcher.haste) watcher.connect(this.#dice.pick(this.#nodes));
    } else if (roll < 2) watcher.read(this.#dice.below(6));
    else if (roll < 4) watcher.cut();
    else if (roll < 6) watcher.stall();
    else watcher.read();
  }

  /** By its node's clock, or by its own mark where that is ahead: another node's clock told it more. */
  #judgeOne({ name, node, mirror, prefix, cursor }: SimWatcher): void {
    const replica = node?.running?.replica;
    if (replica === undefined) return;
    const wrong = (text: string): void => this.#report('watch', `${name} on ${node?.name} ${text}`);
    const nowMs = replica.nowMs();
    const toldUntilMs = Math.max(nowMs, cursor?.told.untilMs ?? 0);
    const entries = replica.map.list(prefix, null, { entries: 10_000 }, nowMs).entries;
    const shown = new Map(entries.map((entry) => [entry.key, entry]));
    for (const { key, version, expiresAt, value } of shown.values()) {
      const held = mirror.get(key);
      const isHeld =
        held?.version === version &&
        (held.value === undefined || value === undefined || isSameValue(held.value, value ?? ''));
      if (isHeld && (!held.isFollowed || held.expiresAt === expiresAt)) continue;
      if (held === undefined && expiresAt !== null && expiresAt <= toldUntilMs) continue;
      wrong(`holds version ${held?.version} of ${JSON.stringify(key)}, not ${version}`);
    }
    for (const [key, { expiresAt }] of mirror) {
      if (shown.has(key) || (expiresAt !== null && expiresAt > nowMs - SWEEP_LATE_MS)) continue;
      wrong(`still holds ${JSON.stringify(key)}, which is gone`);
    }
  }
}
