/**
 * One watcher of the simulated cluster: its mirror, its cursor, and its checks of each event. It is cut
 * at any time, loses the events under way, and goes on from its cursor on any node.
 */

import type { WatchHub } from '../src/watch/hub/hub.ts';
import type { Sink, Watcher } from '../src/watch/hub/watcher.ts';
import type { Format } from '../src/watch/sharedEvent.ts';
import { type Cursor, decodeCursor } from '../src/words/cursor.ts';
import type { KeyOp } from '../src/words/op.ts';
import { seqOf, type Vector } from '../src/words/vector.ts';
import { beats } from './ledger.ts';
import type { SimNode } from './node.ts';

/** An event as it comes off the wire. */
interface Told {
  readonly type: string;
  readonly key?: string;
  readonly version?: number;
  readonly value?: unknown;
  readonly expires_at?: string | null;
  readonly cursor: string;
}

interface Held {
  readonly version: number;
  /** UTC milliseconds, as it was told last. */
  readonly expiresAt: number | null;
  /** Undefined where it was told without one. */
  readonly value: unknown;
  /** Whether each later expiry is told, too. */
  readonly isFollowed: boolean;
}

export interface WatcherWorld {
  /** Every op on the key that was ever committed anywhere. */
  readonly opsOf: (key: string) => readonly KeyOp[];
  readonly report: (text: string) => void;
  readonly counts: { events: number; resets: number; resumes: number; touches: number };
}

/** Events as lines of JSON: frames are the sockets' business. */
const lines = (withValues: boolean, withTouches: boolean): Format => ({
  index: (withValues ? 1 : 0) + (withTouches ? 2 : 0),
  withValues,
  withTouches,
  encode: (_type, _cursor, text) => Buffer.from(`${text}\n`),
});

/**
 * A socket as Node has them: what was corked goes to the kernel at once where that has room, and the
 * drain that this brings comes in the middle of `uncork`. What is written apart waits to be read.
 */
class SimSink implements Sink {
  readonly drainsAboveBytes = 0;
  bufferedBytes = 0;
  hasEnded = false;
  isStalled = false;
  onDrain: () => void = () => {};
  /** Whether the kernel has room for whatever is flushed; else everything waits to be read. */
  readonly #isPrompt: boolean;
  #waiting = '';
  #through = '';

  constructor(isPrompt: boolean) {
    this.#isPrompt = isPrompt;
  }

  write(bytes: Buffer): void {
    this.#waiting += bytes.toString();
    this.bufferedBytes += bytes.length;
  }

  cork(): void {}

  uncork(): void {
    if (!this.#isPrompt || this.isStalled || this.bufferedBytes === 0) return;
    this.#letThrough();
    this.onDrain();
  }

  end(): void {
    this.hasEnded = true;
  }

  /** The bytes that came through; none while it is stalled. */
  take(): string[] {
    if (this.isStalled) return [];
    this.#letThrough();
    const lines = this.#through.split('\n');
    this.#through = '';
    return lines.filter((line) => line !== '');
  }

  #letThrough(): void {
    this.#through += this.#waiting;
    this.#waiting = '';
    this.bufferedBytes = 0;
  }
}

export class SimWatcher {
  readonly name: string;
  readonly prefix: string;
  /** How soon it connects again: the slow ones find much collected and compacted meanwhile. */
  readonly haste: number;
  readonly mirror = new Map<string, Held>();
  node: SimNode | null = null;
  cursor: Cursor | null = null;
  /** The vector of the cursor, closed origins included. */
  #covered: Vector = new Map();
  isSynced = false;
  readonly #world: WatcherWorld;
  #hub: WatchHub | null = null;
  #watcher: Watcher | null = null;
  #sink = new SimSink(false);
  #connections = 0;
  #hasValues = false;
  #hasTouches = false;
  /** Of each key the greatest op that it was told alive since it last started anew. */
  readonly #last = new Map<string, KeyOp>();

  constructor(name: string, prefix: string, haste: number, world: WatcherWorld) {
    this.name = name;
    this.haste = haste;
    this.prefix = prefix;
    this.#world = world;
  }

  /** Whether the connection stands: its node's process still runs, and has not ended it. */
  get isConnected(): boolean {
    const hub = this.node?.running?.hub ?? null;
    return this.#watcher !== null && hub === this.#hub && !this.#sink.hasEnded;
  }

  get isLive(): boolean {
    return this.isConnected && this.#watcher?.standing.kind === 'live';
  }

  /** @returns whether the node takes it; one that has not come to its cursor does not. */
  connect(node: SimNode): boolean {
    const { running } = node;
    if (running == null || !running.replica.header.facts.joined) return false;
    const { cursor } = this;
    const { vector, members } = running.replica;
    const lacked = [...(cursor?.vector ?? []), ...(cursor?.relies ?? [])].filter(
      ([origin, seq]) => seqOf(vector, origin) < seq,
    );
    // Ops that only a lost log had told never come: the client gives its cursor up, or is told to.
    const startsAnew = lacked.length > 0;
    if (lacked.some(([origin]) => members.has(origin))) return false;
    if (cursor !== null) this.#world.counts.resumes++;
    this.node = node;
    this.#hub = running.hub;
    const sink = new SimSink(this.#connections++ % 2 === 0);
    this.#sink = sink;
    this.isSynced = false;
    this.#hasValues = this.#connections % 3 !== 0;
    this.#hasTouches = this.#connections % 5 < 2;
    // Touches that an earlier connection did not tell leave expiries unknown.
    if (!this.#hasTouches)
      for (const [key, held] of this.mirror) this.mirror.set(key, { ...held, isFollowed: false });
    const format = lines(this.#hasValues, this.#hasTouches);
    const request = { prefix: this.prefix, format, cursor, startsAnew, withState: true };
    const { hub } = running;
    const watcher = hub.open(request, sink);
    sink.onDrain = () => hub.drained(watcher);
    this.#watcher = watcher;
    return true;
  }

  cut(): void {
    if (this.#watcher !== null && this.isConnected) this.#hub?.remove(this.#watcher);
    this.#watcher = null;
  }

  stall(): void {
    this.#sink.isStalled = true;
  }

  /** Reads what has come, and lets more come. @param limit events read; the rest is lost with a cut. */
  read(limit = Number.POSITIVE_INFINITY): void {
    // A socket tells that it drains only where something had waited.
    const drains = this.#sink.bufferedBytes > 0;
    this.#sink.isStalled = false;
    for (const [index, line] of this.#sink.take().entries())
      if (index < limit) this.#take(JSON.parse(line));
    if (limit !== Number.POSITIVE_INFINITY) this.cut();
    else if (drains && this.#watcher !== null && this.isConnected)
      this.#hub?.drained(this.#watcher);
  }

  #take(told: Told): void {
    this.#world.counts.events++;
    const before = this.cursor;
    const cursor = decodeCursor(told.cursor);
    this.cursor = cursor;
    const coveredBefore = this.#covered;
    this.#covered = this.#coveredBy(cursor);
    for (const [origin, seq] of told.type === 'reset' ? [] : coveredBefore)
      if (seqOf(this.#covered, origin) < seq) this.#wrong(`its cursor goes back in ${origin}`);
    const { type, key } = told;
    if (type === 'reset') {
      this.#world.counts.resets++;
      this.mirror.clear();
      this.#last.clear();
      this.isSynced = false;
    } else if (type === 'synced') {
      if (this.isSynced) this.#wrong('synced comes twice');
      this.isSynced = true;
    } else if (key !== undefined)
      this.#takeKey(told, key, before?.state === null ? coveredBefore : null, before?.told.untilMs);
  }

  /** Only the process that gave it knows which origins it leaves out. */
  #coveredBy({ vector, closed }: Cursor): Vector {
    const closings = this.node?.running?.replica.closings;
    const isOfProcess = this.node?.running?.hub === this.#hub;
    const covered = new Map(isOfProcess ? vector : this.#covered);
    for (const [origin, seq] of vector) covered.set(origin, seq);
    if (closings === undefined || !isOfProcess) return covered;
    for (const { origin, seq } of closings.all().slice(0, closed.count))
      if (!covered.has(origin)) covered.set(origin, seq);
    return covered;
  }

  /**
   * @param before all that its cursor covered; null while it was told the state. @param toldUntilMs up to when expiries
   *   were told.
   */
  #takeKey(told: Told, key: string, before: Vector | null, toldUntilMs = 0): void {
    if (!key.startsWith(this.prefix)) this.#wrong(`${JSON.stringify(key)} is none of its keys`);
    const { type, version = -1, expires_at: expires } = told;
    const expiresAt = expires == null ? null : Date.parse(expires);
    if (type === 'touch') {
      this.#takeTouch(key, version, expiresAt);
      return;
    }
    if (type !== 'put') {
      this.#checkEnd(type, key, version, expiresAt, toldUntilMs);
      this.mirror.delete(key);
      return;
    }
    const last = this.#last.get(key);
    const isOld = (op: KeyOp): boolean => before !== null && seqOf(before, op.origin) >= op.seq;
    // Ops of a key may be alike: of those that it may be, the smallest that is new.
    let smallest: KeyOp | undefined;
    for (const op of this.#world.opsOf(key)) {
      if (op.kind !== 'put' || op.version !== version || op.expiresAt !== expiresAt) continue;
      if (this.#hasValues && !isSameValue(told.value, op.value)) continue;
      if (isOld(op) || (last !== undefined && !beats(op, last))) continue;
      if (smallest === undefined || beats(smallest, op)) smallest = op;
    }
    if (smallest === undefined)
      this.#wrong(
        `version ${version} of ${JSON.stringify(key)} comes again, late, or was never put`,
      );
    else this.#last.set(key, smallest);
    const { value } = told;
    this.mirror.set(key, { version, expiresAt, value, isFollowed: this.#hasTouches });
  }

  /** A touch belongs to the put that was told last, and was made. */
  #takeTouch(key: string, version: number, expiresAt: number | null): void {
    this.#world.counts.touches++;
    const held = this.mirror.get(key);
    const last = this.#last.get(key);
    const name = `the touch of version ${version} of ${JSON.stringify(key)}`;
    if (!this.#hasTouches) this.#wrong(`${name} is told unasked`);
    if (held?.version !== version) this.#wrong(`${name} is of nothing that was told`);
    let smallest: KeyOp | undefined;
    for (const op of this.#world.opsOf(key)) {
      if (op.kind !== 'put' || op.version !== version || op.expiresAt !== expiresAt) continue;
      if (last !== undefined && !beats(op, last)) continue;
      if (held?.value !== undefined && !isSameValue(held.value, op.value)) continue;
      if (smallest === undefined || beats(smallest, op)) smallest = op;
    }
    if (smallest === undefined) this.#wrong(`${name} comes again, late, or was never made`);
    else this.#last.set(key, smallest);
    if (held !== undefined) this.mirror.set(key, { ...held, expiresAt });
  }

  /**
   * A key ends by an op that was made, and one that expires not before its time: by the clock of the node, or of one
   * before it that had told expiries up to a later time already.
   */
  #checkEnd(
    type: string,
    key: string,
    version: number,
    expiresAt: number | null,
    toldUntilMs: number,
  ): void {
    // A node that has collected the tombstone tells the version of the put that it deleted.
    const isIt = (op: KeyOp): boolean =>
      op.version === version &&
      (type === 'expire' ? op.kind === 'put' && op.expiresAt === expiresAt : expiresAt === null);
    const isMade = this.#world.opsOf(key).some(isIt);
    if (!isMade) this.#wrong(`${type} of version ${version} of ${JSON.stringify(key)}: no such op`);
    const nowMs = Math.max(this.node?.clock.latestMs ?? 0, toldUntilMs);
    if (type === 'expire' && (expiresAt ?? 0) > nowMs)
      this.#wrong(`${JSON.stringify(key)} expires before its time`);
  }

  #wrong(text: string): void {
    this.#world.report(`${this.name} on ${this.node?.name}: ${text}`);
  }
}

/** Of two texts of JSON that stand for one value: a client reads values and not texts. */
export const isSameValue = (told: unknown, text: string): boolean =>
  JSON.stringify(told) === JSON.stringify(JSON.parse(text));
