/**
 * A small world of nodes and watchers for properties: each step does one thing by numbers that the
 * property chose, and every event that a watcher sees is held against the ops that there were.
 */
import * as assert from 'uvu/assert';
import type { Watcher } from '../../../src/watch/hub/watcher.ts';
import { type Cursor, decodeCursor } from '../../../src/words/cursor.ts';
import { compareOps, type KeyOp } from '../../../src/words/op.ts';
import { covers, includes } from '../../../src/words/vector.ts';
import { FakeSink, type SeenEvent, watchRequest } from './fakeSink.ts';
import { type Clock, settled, TestNode } from './nodes.ts';

export interface HistoriesOptions {
  readonly recent: number;
  readonly events: number;
  readonly expiries: number;
  readonly skewMs: number;
  readonly watchers: number;
  /** Rows and entries that one step of catching up reads. */
  readonly page: number;
  /** Whether each delivery to live watchers takes long, so that the next one waits. */
  readonly pauses: boolean;
}

const KEYS = ['a', 'ab', '', 'b', 'ba', 'a\u0000'];
const PREFIXES = ['', 'a', 'ab', 'b', 'x'];
const BUFFER_BYTES = 300;
/** Longer than most times to live here, and less than clocks may be apart. */
const MAX_ERROR_MS = 120;

/** One client: its mirror, and where its cursor stands. */
class Client {
  readonly prefix: string;
  readonly mirror = new Map<string, { value: unknown; version: number | undefined }>();
  readonly #world: Histories;
  cursor: Cursor | null = null;
  node: TestNode | null = null;
  watcher: Watcher | null = null;
  sink = new FakeSink();
  isSynced = false;
  withTouches = false;
  #connections = 0;
  #seen = 0;
  /** Of each key the greatest op that it was told alive or gone since the last reset. */
  readonly #last = new Map<string, KeyOp>();
  readonly #expired = new Set<KeyOp>();

  constructor(world: Histories, prefix: string) {
    this.#world = world;
    this.prefix = prefix;
  }

  /** @returns false where the node does not hold what the cursor covers. */
  connect(node: TestNode): boolean {
    if (this.cursor !== null && !includes(node.replica.vector, this.cursor.vector)) return false;
    this.node = node;
    this.sink = new FakeSink((event) => this.#isAlive(event, node));
    this.#seen = 0;
    this.isSynced = false;
    if (this.cursor !== null) this.#world.counts.resumes++;
    this.withTouches = this.#connections++ % 2 === 0;
    const { prefix, cursor, withTouches } = this;
    const request = watchRequest({ prefix, cursor, withState: true, withTouches });
    const watcher = node.hub.open(request, this.sink);
    this.sink.onDrain = () => node.hub.drained(watcher);
    this.watcher = watcher;
    return true;
  }

  /** The connection breaks; what was under way is lost. */
  cut(): void {
    if (this.watcher !== null) this.node?.hub.remove(this.watcher);
    this.watcher = null;
  }

  /** Reads at most so many events. */
  read(limit: number): void {
    const upTo = Math.min(this.sink.events.length, this.#seen + limit);
    for (; this.#seen < upTo; this.#seen++) this.#take(this.sink.events[this.#seen] as SeenEvent);
  }

  #take(event: SeenEvent): void {
    this.#world.counts.events++;
    const before = this.cursor;
    this.cursor = decodeCursor(event.cursor);
    assert.is(this.cursor.cluster, 'cluster1');
    if (before !== null)
      assert.ok(includes(this.cursor.vector, before.vector), 'cursors only grow');
    const { key } = event;
    switch (event.type) {
      case 'reset':
        this.#world.counts.resets++;
        this.mirror.clear();
        this.#last.clear();
        this.#expired.clear();
        this.isSynced = false;
        return;
      case 'synced':
        assert.not(this.isSynced, 'synced comes once');
        this.isSynced = true;
        return;
      case 'bookmark':
        return;
    }
    assert.ok(key?.startsWith(this.prefix), `${key} is not of prefix ${this.prefix}`);
    if (key === undefined) return;
    if (event.type === 'put') this.#takePut(event, key, before);
    else if (event.type === 'touch') this.#takeTouch(event, key);
    else this.#takeEnd(event, key);
  }

  #isAlive({ type, key, expires_at }: SeenEvent, { name, replica }: TestNode): void {
    // In a pause an entry may expire between its event and the write of it.
    if (type !== 'put' || expires_at == null || this.#world.hasPauses) return;
    const isAlive = Date.parse(expires_at) > replica.nowMs();
    assert.ok(isAlive, `${name} tells that ${key} is there, which has expired`);
  }

  #takePut(event: SeenEvent, key: string, before: Cursor | null): void {
    const isOld = (op: KeyOp): boolean =>
      before !== null && before.state === null && covers(before.vector, op);
    const op = this.#told(event, event.value, key, isOld);
    assert.ok(op, `${key} is told in order, each op once, and what the cursor covers not again`);
    this.#last.set(key, op);
    this.mirror.set(key, { value: event.value, version: event.version });
  }

  #takeTouch(event: SeenEvent, key: string): void {
    this.#world.counts.touches++;
    assert.ok(this.withTouches, 'a touch is told to those who asked for it');
    assert.is(event.value, undefined);
    const held = this.mirror.get(key);
    assert.is(held?.version, event.version, 'a touch is of the version that was told last');
    const op = this.#told(event, held?.value, key, () => false);
    assert.ok(op, `the touch of ${key} is of the value that was told last, and later`);
    this.#last.set(key, op);
  }

  /** The smallest of the ops that the event may tell. */
  #told(
    { version, expires_at }: SeenEvent,
    value: unknown,
    key: string,
    isOld: (op: KeyOp) => boolean,
  ): KeyOp | undefined {
    const last = this.#last.get(key);
    return this.#world
      .putsOf(value)
      .filter((op) => op.key === key && op.version === version && expiryOf(op) === expires_at)
      .filter((op) => !isOld(op) && (last === undefined || compareOps(op, last) > 0))
      .sort(compareOps)[0];
  }

  #takeEnd(event: SeenEvent, key: string): void {
    this.mirror.delete(key);
    if (event.type !== 'expire') return;
    this.#world.counts.expires++;
    // Ops of a key can have one version and one time; each of them may be told. The smallest leaves most to come.
    const last = this.#last.get(key);
    const ops = this.#world
      .expiringOps(key, event)
      .filter((one) => !this.#expired.has(one))
      .sort(compareOps);
    const op = ops.find((one) => last === undefined || compareOps(one, last) >= 0) ?? ops[0];
    if (op === undefined) throw new Error(`The expiry of ${key} is told once more.`);
    this.#expired.add(op);
    // An op that it was told since may be dead itself by then, and its tombstone collected.
    if (last === undefined || compareOps(op, last) > 0) this.#last.set(key, op);
  }
}

export class Histories {
  readonly clock: Clock = { nowMs: 1_000_000 };
  /** How far the clock of each node is off. */
  readonly errorsMs = [0, 0, 0];
  readonly nodes: TestNode[] = [];
  readonly clients: Client[] = [];
  readonly counts = {
    events: 0,
    touches: 0,
    resets: 0,
    resumes: 0,
    waited: 0,
    expires: 0,
    collected: 0,
    compacted: 0,
  };
  readonly #ops: KeyOp[] = [];
  readonly #options: HistoriesOptions;
  #lastValue = 0;

  static async start(options: HistoriesOptions): Promise<Histories> {
    const world = new Histories(options);
    for (const [index, name] of ['node1', 'node2', 'node3'].entries())
      world.nodes.push(
        await TestNode.start(name, {
          clock: world.clockOf(index),
          skewMs: index * options.skewMs,
          limits: {
            maxRecentOps: options.recent,
            maxRecentEvents: options.events,
            maxRecentExpiries: options.expiries,
            maxWatcherBufferBytes: BUFFER_BYTES,
          },
          pages: { rows: options.page, entries: options.page },
          deliveryMs: () => (options.pauses ? 10 : 0),
          onOp: (op) => world.#note(op),
        }),
      );
    for (let index = 0; index < options.watchers; index++)
      world.clients.push(new Client(world, PREFIXES[index % PREFIXES.length] ?? ''));
    return world;
  }

  private constructor(options: HistoriesOptions) {
    this.#options = options;
  }

  get hasPauses(): boolean {
    return this.#options.pauses;
  }

  /** The clock of a node, which may be set for a while. */
  clockOf(index: number): Readonly<Clock> {
    const { clock, errorsMs } = this;
    return {
      get nowMs() {
        return clock.nowMs + (errorsMs[index] ?? 0);
      },
    };
  }

  /** The put whose value that is, for each has a value of its own; and its touches. */
  putsOf(value: unknown): KeyOp[] {
    const text = JSON.stringify(value);
    return this.#ops.filter((op) => op.value === text);
  }

  /** The puts that an `expire` may tell of. */
  expiringOps(key: string, { version, expires_at }: SeenEvent): KeyOp[] {
    return this.#ops.filter(
      (op) =>
        op.key === key &&
        op.version === version &&
        op.expiresAt !== null &&
        expiryOf(op) === expires_at,
    );
  }

  async step([kind, x, y, z]: readonly [number, number, number, number]): Promise<void> {
    const node = pick(this.nodes, x);
    const other = pick(this.nodes, x + 1 + (y % 2));
    const client = pick(this.clients, y);
    if (kind < 30) await this.#put(node, y, z);
    else if (kind < 40) await node.delete(pick(KEYS, y), z < 60 ? z % 4 : null);
    else if (kind < 60) await node.pull(other, z < 100 ? 1 + (z % 3) : undefined);
    else if (kind < 68) this.clock.nowMs += z % 3 === 0 ? 10 : 1 + (z % 60);
    else if (kind < 74) node.replica.sweep(1 + (z % 3));
    else if (kind < 77) await this.#collect(node, z);
    else if (kind < 80) await this.#compact(node);
    else if (kind < 83) this.#away(client, z);
    else if (kind < 88) this.#reconnect(client, node, z);
    else if (kind < 92) this.#readAll(client, z);
    else if (kind < 95) client.sink.stall();
    else if (kind < 99) this.#drain(client);
    else if (kind < 100) for (const one of this.nodes) one.hub.tick();
    else if (kind < 113) await node.touch(pick(KEYS, y), z % 3 === 0 ? null : 1 + 10 * (z % 8));
    else this.errorsMs[x % this.errorsMs.length] = ((z % 3) - 1) * (y % MAX_ERROR_MS);
    if (x % 4 === 0) this.#endPause(node);
    if (z % 3 === 0) await settled();
  }

  /** Everything reaches everyone, and everyone reads. */
  async heal(): Promise<void> {
    await this.#exchange();
    this.errorsMs.fill(0);
    this.clock.nowMs += 3 * this.#options.skewMs + 2 * MAX_ERROR_MS;
    for (let round = 0; round < 6; round++) {
      for (const node of this.nodes) node.replica.sweep(100_000);
      for (const node of this.nodes) this.#endPause(node);
      for (const [index, client] of this.clients.entries()) {
        if (client.watcher === null)
          assert.ok(client.connect(pick(this.nodes, index)), 'every node holds every cursor');
        this.#drain(client);
      }
      for (let turn = 0; turn < 5; turn++) await settled();
      for (const client of this.clients) {
        this.#drain(client);
        client.read(1e9);
      }
    }
  }

  check(): void {
    for (const client of this.clients) {
      const { node, prefix } = client;
      if (node === null) throw new Error('A watcher was never connected.');
      const shown = node.replica.map.list(
        prefix,
        null,
        { entries: 1000 },
        node.replica.nowMs(),
      ).entries;
      const expected = shown.map(({ key, value, version }) => [
        key,
        JSON.parse(value ?? ''),
        version,
      ]);
      const held = [...client.mirror].map(([key, { value, version }]) => [key, value, version]);
      held.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
      assert.equal(held, expected);
      assert.ok(client.isSynced, 'every watcher is synced');
      assert.is(client.watcher?.standing.kind, 'live');
    }
    if (this.counts.compacted === 0 && this.#options.expiries >= 1000)
      assert.is(this.counts.resets, 0, 'nobody starts anew without need');
  }

  stop(): void {
    for (const { hub } of this.nodes) hub.stop();
  }

  async #put(node: TestNode, y: number, z: number): Promise<void> {
    const value = ++this.#lastValue;
    const version = z % 5 === 0 ? { version: 1 + (z % 4) } : {};
    const ttl = y % 2 === 0 ? { ttlMs: 1 + 10 * (z % 8) } : {};
    await node.put(pick(KEYS, y), value, { ...version, ...ttl });
  }

  async #collect(node: TestNode, z: number): Promise<void> {
    if (z % 4 !== 0) await this.#exchange();
    node.replica.sweep(100);
    const before = node.replica.map.size;
    await node.collect(this.nodes.filter((other) => other !== node));
    this.counts.collected += before - node.replica.map.size;
  }

  async #compact(node: TestNode): Promise<void> {
    const before = new Map(node.replica.reach());
    await node.compact();
    if (!includes(before, node.replica.reach())) this.counts.compacted++;
  }

  async #exchange(): Promise<void> {
    for (let round = 0; round < 2; round++)
      for (const node of this.nodes)
        for (const other of this.nodes) if (node !== other) await node.pull(other);
  }

  #away(client: Client, z: number): void {
    client.read(z % 5);
    client.cut();
  }

  #reconnect(client: Client, node: TestNode, z: number): void {
    client.read(z % 4 === 0 ? z % 7 : 1e9);
    client.cut();
    if (!client.connect(node) && client.node !== null) client.connect(client.node);
  }

  #readAll(client: Client, z: number): void {
    this.#drain(client);
    client.read(z % 2 === 0 ? 1e9 : 3);
  }

  #drain({ sink, node, watcher }: Client): void {
    if (sink.drain() && watcher !== null) node?.hub.drained(watcher);
  }

  #endPause({ pauses }: TestNode): void {
    if (pauses.isWaited) this.counts.waited++;
    pauses.end();
  }

  #note(op: KeyOp): void {
    const isKnown = this.#ops.some(({ origin, seq }) => origin === op.origin && seq === op.seq);
    if (!isKnown) this.#ops.push(op);
  }
}

const expiryOf = ({ expiresAt }: KeyOp): string | null =>
  expiresAt === null ? null : new Date(expiresAt).toISOString();

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
