/** Many real nodes on one simulated network. */
import { EPOCH_MS, Timeline } from '../../sim/clock.ts';
import { Dice } from '../../sim/dice.ts';
import { Trace } from '../../sim/trace.ts';
import type { SimTransport } from '../../sim/transport.ts';
import type { CoreSettings } from '../../src/gossip/protocol/inputOutput.ts';
import type { Engine } from '../../src/node/engine.ts';
import { isDead } from '../../src/words/op.ts';
import type { Request } from '../../src/words/requests.ts';
import { includes } from '../../src/words/vector.ts';
import { Meter } from './meter.ts';
import { startNode } from './node.ts';

/** The way from one node to another, in milliseconds; it is the same for all texts, so that hops show. */
const WAY_MS = 5;
/** How often a condition is looked at, in milliseconds of simulated time. */
const LOOK_MS = 250;
/** So many nodes start within a second, as 100 within a minute do, or faster. */
const STARTS_A_SECOND = 20;
const ADDRESSES = 3;

export const nameAt = (index: number): string => `n${index + 1}`;
const urlOf = (name: string): string => `http://${name}`;

/** Nobody reads it. */
class NoTrace extends Trace {
  override add(): void {}
  override detail(): void {}
}

/** The settings that a world of changing members has in the place of the usual. */
export interface WorldChanges {
  /** The first so many nodes are the addresses of all. */
  readonly addresses?: number;
  /** So many nodes start within a second. */
  readonly startsASecond?: number;
  readonly settings?: Partial<CoreSettings>;
}

/** A message of a node to the people who run it. */
export interface Noted {
  readonly atMs: number;
  readonly name: string;
  readonly text: string;
  readonly event: string | undefined;
}

export class LargeWorld {
  readonly timeline = new Timeline();
  readonly meter: Meter;
  readonly dice: Dice;
  readonly size: number;
  /** Those that run. */
  readonly nodes: Engine[] = [];
  readonly notes: Noted[] = [];
  readonly #seed: number;
  readonly #changes: WorldChanges;
  readonly #lives = new Map<string, number>();
  readonly #transports = new Map<Engine, SimTransport>();
  #written = 0;
  #mostMembers = 0;

  constructor(size: number, seed: number, loss: number, changes: WorldChanges = {}) {
    this.size = size;
    this.#seed = seed;
    this.#changes = changes;
    this.dice = new Dice(seed, 'large world');
    this.meter = new Meter(this.timeline, new Dice(seed, 'network'), new NoTrace(), {
      delayMs: [WAY_MS, WAY_MS],
      loss,
      reordering: 0,
      duplication: 0,
      lateness: 0,
      lateMs: [0, 0],
      truncation: 0,
      dialFailures: 0,
      dialTimeoutMs: 1000,
      idleMs: [12_000, 20_000],
    });
  }

  startAll(): void {
    const { startsASecond = STARTS_A_SECOND } = this.#changes;
    for (let index = 0; index < this.size; index++) {
      const name = nameAt(index);
      const afterMs = Math.round((index * 1000) / startsASecond);
      this.timeline.plan(afterMs, name, 'start', () => void this.start(name));
    }
  }

  /** A process begins with an empty log. */
  async start(name: string): Promise<Engine> {
    const { addresses = ADDRESSES, settings = {} } = this.#changes;
    const life = this.#lives.get(name) ?? 0;
    this.#lives.set(name, life + 1);
    const seeds = Array.from({ length: addresses }, (_, index) => urlOf(nameAt(index)));
    const { engine, transport } = await startNode(
      {
        name,
        life,
        url: urlOf(name),
        seed: this.#seed,
        seeds,
        size: this.size,
        settings,
        note: (_level, text, facts) =>
          this.notes.push({ atMs: this.timeline.nowMs, name, text, event: facts?.event }),
      },
      this.timeline,
      this.meter,
    );
    this.nodes.push(engine);
    this.#transports.set(engine, transport);
    return engine;
  }

  /** The process ends in good order, and its log is lost. */
  stop(engine: Engine): void {
    this.#end(engine);
    void engine.stop();
  }

  /** The process is gone without a word, and its log with it. */
  kill(engine: Engine): void {
    this.#end(engine);
    const transport = this.#transports.get(engine);
    if (transport !== undefined) this.meter.detach(transport);
  }

  #end(engine: Engine): void {
    const index = this.nodes.indexOf(engine);
    if (index === -1) throw new Error(`${engine.replica.nodeId} does not run`);
    this.nodes.splice(index, 1);
    engine.quiesce();
  }

  /** Lets so many simulated milliseconds go by. */
  async run(durationMs: number): Promise<void> {
    const endsAtMs = this.timeline.nowMs + durationMs;
    let isOver = false;
    this.timeline.plan(durationMs, '', 'the end', () => {
      isOver = true;
    });
    while (!isOver) {
      const event = this.timeline.next();
      if (event === undefined) throw new Error('nothing is planned any more');
      event.run();
      // The nodes go on in microtasks, and all of them run first.
      await new Promise(setImmediate);
    }
    if (this.timeline.nowMs !== endsAtMs) throw new Error('the end came at another time');
  }

  /** The most members that any node has counted, of the moments that `until` has looked at. */
  get mostMembers(): number {
    return this.#mostMembers;
  }

  /** @returns the simulated milliseconds until the condition held; null if it never did. */
  async until(limitMs: number, holds: () => boolean): Promise<number | null> {
    const startMs = this.timeline.nowMs;
    while (!holds()) {
      if (this.timeline.nowMs - startMs >= limitMs) return null;
      await this.run(LOOK_MS);
      for (const { replica } of this.nodes)
        this.#mostMembers = Math.max(this.#mostMembers, replica.members.size);
    }
    return this.timeline.nowMs - startMs;
  }

  /** Each node of the whole cluster holds all ops, and is a member. */
  get isLevel(): boolean {
    return this.nodes.length === this.size && this.isLevelAt(this.size);
  }

  /** Each node that runs holds all ops, and counts so many members. */
  isLevelAt(size: number): boolean {
    const { nodes } = this;
    const [first] = nodes;
    if (first === undefined) return false;
    const { vector } = first.replica;
    return nodes.every(
      ({ replica }) =>
        replica.readiness.isWritable &&
        replica.members.size === size &&
        includes(replica.vector, vector) &&
        includes(vector, replica.vector),
    );
  }

  /** How many nodes lack an op that another one holds. */
  get behind(): number {
    const vectors = this.nodes.map(({ replica }) => replica.vector);
    const greatest = new Map<string, number>();
    for (const vector of vectors)
      for (const [origin, seq] of vector)
        if ((greatest.get(origin) ?? 0) < seq) greatest.set(origin, seq);
    return vectors.filter((vector) => !includes(vector, greatest)).length;
  }

  /** Whether some node still holds a dead entry. */
  get holdsDead(): boolean {
    const nowMs = EPOCH_MS + this.timeline.nowMs;
    for (const { replica } of this.nodes)
      for (const entry of replica.map.entries()) if (isDead(entry, nowMs)) return true;
    return false;
  }

  get pushes(): number {
    return this.nodes.reduce((sum, { driver }) => sum + driver.counts.pushesSent, 0);
  }

  /** Puts at random nodes, one at a time. */
  async write(number: number, everyMs: number, ttlMs: number | null): Promise<void> {
    for (let count = 0; count < number; count++) {
      this.#ask(this.#putOf(ttlMs));
      await this.run(everyMs);
    }
  }

  /** A put at each node, one at a time. */
  async writeOnEach(everyMs: number): Promise<void> {
    for (const node of [...this.nodes]) {
      this.#ask(this.#putOf(null), node);
      await this.run(everyMs);
    }
  }

  #putOf(ttlMs: number | null): Request {
    return {
      kind: 'put',
      key: `key${++this.#written}`,
      version: 'next',
      ttlMs,
      value: `"${'x'.repeat(VALUE_CHARACTERS)}"`,
      meta: null,
    };
  }

  #ask(request: Request, node: Engine = this.dice.pick(this.nodes)): void {
    this.timeline.plan(0, node.replica.nodeId, 'client', () => void this.#submit(node, request));
  }

  async #submit({ replica }: Engine, request: Request): Promise<void> {
    const [outcome] = await replica.submit([request]);
    if (outcome?.kind !== 'stored') throw new Error(`a put was not stored: ${outcome?.kind}`);
  }
}

/** With them a value has about 100 bytes, as in the other benches. */
const VALUE_CHARACTERS = 98;
