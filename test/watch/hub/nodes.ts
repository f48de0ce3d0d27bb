/**
 * Real replicas with their hubs, over logs in memory and by one clock that the test moves; what one
 * holds comes to another only when the test says so.
 */

import { MemoryLog } from '../../../src/log/memory.ts';
import { Compactor } from '../../../src/replica/compact.ts';
import { Replica } from '../../../src/replica/replica.ts';
import { Stability } from '../../../src/rules/stability.ts';
import type { DeliveryTimers } from '../../../src/watch/hub/deliveryPace.ts';
import { WatchHub } from '../../../src/watch/hub/hub.ts';
import type { WatchPages } from '../../../src/watch/hub/options.ts';
import { subtract } from '../../../src/words/hash.ts';
import { defaultLimits, type Limits } from '../../../src/words/limits.ts';
import type { KeyOp } from '../../../src/words/op.ts';
import { isOnKey } from '../../../src/words/op.ts';
import { seqOf } from '../../../src/words/vector.ts';
import { newEntries } from '../../support/entries.ts';

export const MAX_CLOCK_SKEW_MS = 1000;
const ALL = { maxRows: 100_000, maxBytes: 1e9 };

export interface Clock {
  nowMs: number;
}

export interface NodeOptions {
  readonly clock?: Readonly<Clock>;
  readonly skewMs?: number;
  readonly limits?: Partial<Limits>;
  readonly pages?: WatchPages;
  /** The milliseconds that each delivery of events takes, by the clock of the pauses; by default none. */
  readonly deliveryMs?: () => number;
  readonly durability?: 'full' | 'normal';
  /** Bytes of the map above which values are dropped. */
  readonly maxMemory?: number;
  /** Called for each turn of the event loop that a watcher leaves to others. */
  readonly onDefer?: () => void;
  /** Called with every op as it is committed here. */
  readonly onOp?: (op: KeyOp) => void;
}

/** Pauses between deliveries, which end when the test says so. */
export class Pauses implements DeliveryTimers {
  /** The length of each pause that has ended, in milliseconds. */
  readonly pausesMs: number[] = [];
  readonly #deliveryMs: () => number;
  #nowMs = 0;
  #due: (() => void) | null = null;

  constructor(deliveryMs: () => number) {
    this.#deliveryMs = deliveryMs;
  }

  /** Whether a delivery waits for the end of a pause. */
  get isWaited(): boolean {
    return this.#due !== null;
  }

  steadyMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    this.#due = () => {
      this.#nowMs += delayMs;
      this.pausesMs.push(delayMs);
      run();
    };
    return () => {
      this.#due = null;
    };
  }

  took(run: () => void): number {
    run();
    return this.#deliveryMs();
  }

  passMs(ms: number): void {
    this.#nowMs += ms;
  }

  /** Ends the pause, if a delivery waits for it. */
  end(): void {
    const due = this.#due;
    this.#due = null;
    due?.();
  }
}

export class TestNode {
  readonly name: string;
  readonly replica: Replica;
  readonly hub: WatchHub;
  readonly stability = new Stability();
  readonly pauses: Pauses;
  readonly #compactor: Compactor;

  static async start(name: string, options: NodeOptions = {}): Promise<TestNode> {
    const { clock = { nowMs: 1_000_000 }, skewMs = 0, durability = 'full' } = options;
    const origin = `${name}.aaaaaa`;
    const log = new MemoryLog({ clusterName: 'test', newOrigin: () => origin, durability });
    const limits = { ...defaultLimits, ...options.limits };
    const replica = await Replica.open({
      nodeId: name,
      log,
      place: name,
      clock: () => clock.nowMs + skewMs,
      limits,
      entries: newEntries(options.maxMemory),
    });
    if (name === 'node1') await replica.membership.form('cluster1', '{}');
    else await replica.membership.welcome('cluster1', 'node1.aaaaaa', 0);
    return new TestNode(name, replica, options);
  }

  private constructor(
    name: string,
    replica: Replica,
    { onOp, onDefer, pages, deliveryMs = () => 0 }: NodeOptions,
  ) {
    this.name = name;
    this.replica = replica;
    this.pauses = new Pauses(deliveryMs);
    this.hub = new WatchHub({
      replica,
      limits: replica.limits,
      maxClockSkewMs: MAX_CLOCK_SKEW_MS,
      defer: (next) => {
        onDefer?.();
        queueMicrotask(next);
      },
      timers: this.pauses,
      ...(pages && { pages }),
    });
    this.#compactor = new Compactor(replica, 0);
    replica.onCommit(({ rows }) => {
      for (const { row } of rows) if (isOnKey(row.op)) onOp?.(row.op);
    });
  }

  async put(key: string, value: unknown, fields: { ttlMs?: number; version?: number } = {}) {
    const { ttlMs = null, version = 'next' } = fields;
    const text = JSON.stringify(value);
    return this.replica.submit([{ kind: 'put', key, version, ttlMs, value: text, meta: null }]);
  }

  async touch(key: string, ttlMs: number | null) {
    return this.replica.submit([{ kind: 'touch', key, ttlMs }]);
  }

  async delete(key: string, upToVersion: number | null = null) {
    return this.replica.submit([{ kind: 'delete', key, upToVersion }]);
  }

  /** Takes in what the other holds, of each origin at most `limit` ops. */
  async pull(from: TestNode, limit = 100_000): Promise<void> {
    const peer = from.replica;
    for (const origin of peer.vector.keys()) {
      const after = seqOf(this.replica.vector, origin);
      const ops = (await peer.log.opsAfter(origin, after, ALL)).slice(0, limit);
      const to = ops.at(-1)?.seq;
      if (to === undefined) continue;
      const below = await peer.log.sumBetween(origin, to, peer.record(origin).seq);
      const sum = subtract(peer.record(origin).sum, below);
      const outcome = await this.replica.receive({ ranges: [{ origin, after, to, sum }], ops });
      if (outcome.kind !== 'applied') throw new Error(`${this.name} answers ${outcome.kind}`);
    }
    this.stability.hear(peer.origin, new Map(peer.vector), peer.nowMs());
  }

  /** Drops what is dead and stable (rule 9). */
  async collect(others: readonly TestNode[]): Promise<void> {
    const { header, vector } = this.replica;
    this.stability.settle(vector);
    const own = { vector: new Map(vector), clock: this.replica.nowMs() };
    const before = { vector: header.stable, clock: header.stableClock };
    const names = others.map(({ replica }) => replica.origin);
    const stable = this.stability.advance(names, own, [], before);
    if (stable !== undefined) await this.replica.forgetting.collect(stable, 1000);
  }

  async compact(): Promise<void> {
    await this.#compactor.run();
  }
}

/** Lets every promise that can go on do so. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
