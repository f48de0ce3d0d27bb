/**
 * The clients: their requests, and whether the answers can be true. Some of them race on purpose, with
 * one version for one key at one instant on several nodes.
 */

import type { Condition } from '../src/words/condition.ts';
import {
  CommitFailedError,
  DiskFullError,
  NotReadableError,
  NotWritableError,
  OverloadedError,
  StoppedError,
} from '../src/words/errors.ts';
import { formatOpId, type Op, type OpId } from '../src/words/op.ts';
import type { Outcome, PutRequest, Request, TouchRequest } from '../src/words/requests.ts';
import type { Timeline } from './clock.ts';
import type { Dice, Span } from './dice.ts';
import type { SimNode } from './node.ts';
import type { Oracle } from './oracle.ts';
import type { Trace } from './trace.ts';

export interface ClientOptions {
  /** The mean time between two requests to the whole cluster. */
  readonly everyMs: number;
  readonly keys: number;
  /** How likely a request is a race, one of several ops, a delete, or one that only reads. */
  readonly races: number;
  readonly batches: number;
  readonly deletes: number;
  readonly reads: number;
  /** How likely a request is a touch. */
  readonly touches: number;
  /** How likely a value is raw bytes. */
  readonly bytes: number;
  /** How likely a client waits until all members hold its write. */
  readonly waits: number;
  /** How likely a value is long. */
  readonly longValues: number;
  /** How likely a put expires, and after how long. */
  readonly expiring: number;
  readonly ttlMs: Span;
}

export interface ClientCounts {
  requests: number;
  stored: number;
  conflicts: number;
  refused: number;
}

/** How a node may refuse a request; after the last two it is unknown whether the writes are stored. */
const REFUSALS = [
  NotReadableError,
  NotWritableError,
  OverloadedError,
  DiskFullError,
  StoppedError,
  CommitFailedError,
];

/** Keys that have broken maps, paths and orders before; the others are `key0`, `key1`, … */
const ODD_KEYS = ['__proto__', 'constructor', 'a/b', '\u0000', '\u{1f600}', '\uffff', 'é'];
const VALUES = [
  'null',
  '0.1000000000000000055',
  '{"a":1,"a":2}',
  '"\\ud83d"',
  '[12345678901234567890]',
];
/** Raw bytes, as the log has them. */
const BYTES = ['{"bytes":"AAEC/w==","type":"image/png"}', '{"bytes":"","type":"a/b"}'];
/** How long a client waits for all members. */
const WAIT_MS = 5000;
const MAX_PADDING = 400;
/** How likely a write sets a condition. */
const CONDITIONS = 0.1;

export class Clients {
  readonly counts: ClientCounts = { requests: 0, stored: 0, conflicts: 0, refused: 0 };
  readonly #options: ClientOptions;
  readonly #nodes: readonly SimNode[];
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #oracle: Oracle;
  readonly #trace: Trace;
  readonly #keys: readonly string[];
  #written = 0;

  constructor(
    options: ClientOptions,
    nodes: readonly SimNode[],
    { timeline, oracle, trace }: { timeline: Timeline; oracle: Oracle; trace: Trace },
    dice: Dice,
  ) {
    this.#options = options;
    this.#nodes = nodes;
    this.#timeline = timeline;
    this.#oracle = oracle;
    this.#trace = trace;
    this.#dice = dice;
    this.#keys = Array.from({ length: options.keys }, (_, index) =>
      index % 4 === 3 ? (ODD_KEYS[(index >> 2) % ODD_KEYS.length] ?? '') : `key${index}`,
    );
  }

  /** One request, or one race of several, and the next is planned. @param goesOn asked before each. */
  start(goesOn: () => boolean): void {
    this.#timeline.plan(this.#dice.waitMs(this.#options.everyMs), '', 'clients', () => {
      if (!goesOn()) return;
      const nodes = this.#nodes.filter((node) => node.running !== null && !node.isChanging);
      if (nodes.length > 0) this.#act(nodes);
      this.start(goesOn);
    });
  }

  #act(nodes: readonly SimNode[]): void {
    const { races, batches, reads } = this.#options;
    const node = this.#dice.pick(nodes);
    if (this.#dice.chance(races)) this.#race(nodes);
    else if (this.#dice.chance(reads))
      this.#ask(node, 'reads all', () => this.#oracle.inspect(node));
    else if (this.#dice.chance(0.01)) this.#deletePrefix(node);
    else {
      const length = this.#dice.chance(batches) ? this.#dice.within([2, 12]) : 1;
      this.#submit(
        node,
        Array.from({ length }, () => this.#request(node)),
      );
    }
  }

  /** The same key and version at one instant, on at least two nodes where there are two. */
  #race(nodes: readonly SimNode[]): void {
    const key = this.#dice.pick(this.#keys);
    const current = nodes[0]?.running?.replica.map.get(key)?.version ?? 0;
    const version = this.#dice.chance(0.5) ? 1 : nextAfter(current);
    const absent = nodes.length > 2 ? this.#dice.below(nodes.length) : -1;
    for (const [index, node] of nodes.entries())
      if (index !== absent) this.#submit(node, [this.#put(key, version)]);
  }

  #request(node: SimNode): Request {
    const key = this.#dice.pick(this.#keys);
    const { touches } = this.#options;
    if (touches > 0 && this.#dice.chance(touches)) return this.#touch(key);
    const roll = this.#dice.below(8);
    if (this.#dice.chance(this.#options.deletes)) {
      const upToVersion = this.#dice.chance(0.4) ? this.#dice.below(8) : null;
      const entry = node.running?.replica.map.get(key);
      return { kind: 'delete', key, upToVersion, ...this.#condition(entry) };
    }
    if (roll === 0) return { kind: 'get', key };
    if (roll <= 2) return this.#put(key, 'next');
    const current = node.running?.replica.map.get(key)?.version ?? 0;
    const version = this.#dice.chance(0.3) ? this.#dice.below(4) : nextAfter(current);
    return this.#put(key, version);
  }

  #touch(key: string): TouchRequest {
    const ttlMs = this.#dice.chance(0.5) ? this.#dice.within(this.#options.ttlMs) : null;
    return { kind: 'touch', key, ttlMs, ...this.#condition() };
  }

  #put(key: string, version: number | 'next'): PutRequest {
    const { bytes, expiring, ttlMs, longValues } = this.#options;
    const padding = this.#dice.chance(longValues) ? 'x'.repeat(this.#dice.below(MAX_PADDING)) : '';
    const value = this.#dice.chance(0.2)
      ? this.#dice.pick(VALUES)
      : `"${++this.#written}${padding}"`;
    const meta = this.#dice.chance(0.05) ? '{"values":["Date"]}' : null;
    const ttl = this.#dice.chance(expiring) ? this.#dice.within(ttlMs) : null;
    const put = { kind: 'put', key, version, ttlMs: ttl, ...this.#condition() } as const;
    return bytes > 0 && this.#dice.chance(bytes)
      ? { ...put, value: this.#dice.pick(BYTES), meta: '"bytes"' }
      : { ...put, value, meta };
  }

  /** As If-Match and If-None-Match set it. */
  #condition(entry?: OpId): { condition?: Condition } {
    if (!this.#dice.chance(CONDITIONS)) return {};
    const ids = entry === undefined ? 'any' : [formatOpId(entry)];
    const isOneOf = this.#dice.chance(0.5) ? ids : null;
    return { condition: { isOneOf, isNoneOf: isOneOf === null ? ids : null } };
  }

  #submit(node: SimNode, requests: readonly Request[]): void {
    const what = requests.map(({ kind, key }) => `${kind} ${JSON.stringify(key)}`).join(', ');
    this.#ask(node, what, async (running) => {
      const outcomes = await running.replica.submit(requests);
      for (const [index, outcome] of outcomes.entries())
        this.#judge(node, requests[index] as Request, outcome);
    });
  }

  #deletePrefix(node: SimNode): void {
    const prefix = this.#dice.pick(['key1', '__', 'key']);
    this.#ask(node, `delete all of "${prefix}"`, (running) =>
      running.replica.writes.deletePrefix(prefix),
    );
  }

  /** Runs as an event of the node, so that the oracle looks at that node after it. */
  #ask(
    node: SimNode,
    what: string,
    run: (running: NonNullable<SimNode['running']>) => unknown,
  ): void {
    this.#timeline.plan(0, node.name, `client: ${what}`, () => {
      const { running } = node;
      if (running === null) return;
      this.counts.requests++;
      this.#answered(node, what, running, run);
    });
  }

  async #answered(
    node: SimNode,
    what: string,
    running: NonNullable<SimNode['running']>,
    run: (running: NonNullable<SimNode['running']>) => unknown,
  ): Promise<void> {
    try {
      await run(running);
    } catch (error) {
      this.counts.refused++;
      this.#trace.add(this.#timeline.nowMs, node.name, `refuses ${what}: ${error}`);
      if (!REFUSALS.some((refusal) => error instanceof refusal))
        this.#oracle.report('error', `${node.name} fails ${what}: ${error}`);
    }
  }

  /** Whether the answer can be true, given what was asked. */
  #judge(node: SimNode, request: Request, outcome: Outcome): void {
    const wrong = (text: string): void =>
      this.#oracle.report('answer', `${node.name}: ${JSON.stringify(request)} is answered ${text}`);
    if (outcome.kind === 'stored' && node.owesOffers)
      wrong('before what the node had set aside is offered again');
    if (outcome.kind === 'stored' || outcome.kind === 'deleted') {
      if (outcome.op !== null) this.#stored(node, request, outcome.op, wrong);
      else if (request.kind !== 'delete' || request.upToVersion === null) wrong('without an op');
    } else if (outcome.kind === 'conflict') {
      this.counts.conflicts++;
      const { currentVersion } = outcome;
      if (request.kind === 'put' && request.version !== 'next' && currentVersion < request.version)
        wrong(`with a conflict with version ${currentVersion}`);
      if (request.kind === 'delete' && currentVersion <= (request.upToVersion ?? currentVersion))
        wrong(`with a conflict with version ${currentVersion}`);
    } else if (outcome.kind === 'preconditionFailed') this.#judgeRefusal(request, outcome, wrong);
    else if (request.kind === 'touch' && outcome.kind === 'absent') this.counts.refused++;
    else if (request.kind !== 'get') wrong(`as a get: ${outcome.kind}`);
  }

  #judgeRefusal(
    request: Request,
    { currentVersion }: Extract<Outcome, { kind: 'preconditionFailed' }>,
    wrong: (text: string) => void,
  ): void {
    const condition = request.kind === 'get' ? undefined : request.condition;
    if (condition === undefined) wrong('that its condition does not hold, and it has none');
    const { isOneOf = null, isNoneOf = null } = condition ?? {};
    if (isOneOf === 'any' && currentVersion !== null) wrong('that nothing lives, with a version');
    if (isNoneOf !== null && currentVersion === null) wrong('that something lives, without one');
  }

  #stored(node: SimNode, request: Request, op: Op, wrong: (text: string) => void): void {
    this.counts.stored++;
    this.#trace.add(this.#timeline.nowMs, node.name, `stored ${op.kind} ${op.origin}/${op.seq}`);
    this.#oracle.acknowledged(node, op);
    const { waits } = this.#options;
    if (waits > 0 && this.#dice.chance(waits)) node.running?.driver.askAll(op.seq, WAIT_MS);
    const isRight =
      op.kind === (request.kind === 'touch' ? 'put' : request.kind) &&
      op.key === request.key &&
      (request.kind !== 'put' ||
        ((request.version === 'next' || request.version === op.version) &&
          op.value === request.value &&
          op.meta === request.meta));
    if (!isRight) wrong(`with ${op.kind} ${op.origin}/${op.seq}, another op`);
  }
}

/** A version that follows the current one; a tombstone's last version has none. */
const nextAfter = (version: number): number => (version < 2 ** 53 - 2 ? version + 1 : 1);
