/**
 * Workers that load the nodes until they are told to end, each one call after another.
 *
 * The schedule is a function of the seed; the order in which clients and nodes meet is the machine's.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Dice } from '../../sim/dice.ts';
import type { Call, Request } from '../history/call.ts';
import { fateOf } from '../history/call.ts';
import { EXACT_PREFIX, MIXED_PREFIX, ONCE_PREFIX, RACE_PREFIX } from '../history/keys.ts';
import type { ChaosNode } from '../nodes/node.ts';
import { type Caller, LARGE_MARK } from './caller.ts';

export interface Work {
  readonly caller: Caller;
  readonly nodes: readonly ChaosNode[];
  readonly seed: number;
  readonly stopping: AbortSignal;
  /** Mean pause of a worker between two calls. */
  readonly pauseMs: number;
  /** Whether clocks may be wrong: then nobody can predict when an entry expires. */
  readonly hasWrongClocks: boolean;
}

const EXACT_KEYS = 4;
const RACE_KEYS = 12;
const MIXED_KEYS = 12;
const MOST_TTL_MS = 4_000;
/** A node that does not answer is not asked at once again. */
const REST_AFTER_NO_ANSWER_MS = 300;

/** Starts all workers. @returns when all have ended. */
export async function runWorkers(work: Work, racers: number, writersOnce: number): Promise<void> {
  const workers = [
    ...work.nodes.map((node) => new Worker(work, `exact${node.index + 1}`).workExactly(node)),
    ...range(racers).map((index) => new Worker(work, `racer${index + 1}`).race()),
    ...range(writersOnce).map((index) => new Worker(work, `once${index + 1}`).writeOnce()),
  ];
  await Promise.all(workers);
}

const range = (length: number): number[] => Array.from({ length }, (_unused, index) => index);

class Worker {
  readonly #work: Work;
  readonly #name: string;
  readonly #dice: Dice;
  #values = 0;

  constructor(work: Work, name: string) {
    this.#work = work;
    this.#name = name;
    this.#dice = new Dice(work.seed, name);
  }

  /** One node, keys of its own, every kind of write: each answer can be predicted. */
  async workExactly(node: ChaosNode): Promise<void> {
    const { stopping, hasWrongClocks } = this.#work;
    let round = 0;
    const freshKey = (): string => `${EXACT_PREFIX}${node.name}/${node.life}/${round++}`;
    let life = node.life;
    let keys = range(EXACT_KEYS).map(freshKey);
    const versions = new Map<string, number>();
    while (!stopping.aborted) {
      if (node.life !== life) {
        life = node.life;
        keys = range(EXACT_KEYS).map(freshKey);
      }
      const key = this.#dice.pick(keys);
      const wish = this.#exactWish(key, versions.get(key) ?? 0, hasWrongClocks);
      const call = await this.#call({ ...wish, key, node: node.index });
      const version = call.answer.version ?? call.answer.currentVersion;
      if (version !== null) versions.set(key, version);
      // A write without an answer may still be carried out later: nobody can predict the key any more.
      const isUnclear = call.request.method !== 'GET' && fateOf(call.answer) === 'unknown';
      if (isUnclear || call.crossedLives)
        keys = keys.map((other) => (other === key ? freshKey() : other));
    }
  }

  #exactWish(key: string, version: number, hasWrongClocks: boolean): Partial<Request> {
    const dice = this.#dice;
    const ttl = !hasWrongClocks && dice.chance(0.15) ? { ttlMs: dice.within([200, 1500]) } : {};
    const put = { method: 'PUT', key, value: this.#value() } as const;
    const roll = dice.below(100);
    if (roll < 30) return { ...put, ...ttl, version: version + dice.within([1, 3]) };
    if (roll < 42) return { ...put, ...ttl, version: 'next' };
    if (roll < 54) return { ...put, version: Math.max(0, version - dice.within([0, 2])) };
    if (roll < 62) return { ...put, version: version + 1, condition: 'absent' };
    if (roll < 70) return { ...put, version: version + 1, condition: 'live' };
    if (roll < 78) return { method: 'DELETE', version: null };
    if (roll < 84) return { method: 'DELETE', version: Math.max(0, version - dice.below(2)) };
    return { method: 'GET' };
  }

  /** Any node, keys that all racers write. */
  async race(): Promise<void> {
    const { stopping } = this.#work;
    const greatest = new Map<string, number>();
    while (!stopping.aborted) {
      const dice = this.#dice;
      const isMixed = dice.chance(0.4);
      const key = isMixed
        ? `${MIXED_PREFIX}${dice.below(MIXED_KEYS)}`
        : `${RACE_PREFIX}${dice.below(RACE_KEYS)}`;
      const version = Math.max(0, (greatest.get(key) ?? 0) + dice.within([-1, 2]));
      const call = await this.#call({
        ...this.#raceWish(isMixed, version),
        key,
        node: this.#anyNode(),
      });
      const seen = call.answer.version ?? call.answer.currentVersion ?? 0;
      greatest.set(key, Math.max(seen, greatest.get(key) ?? 0));
    }
  }

  #raceWish(isMixed: boolean, version: number): Partial<Request> {
    const dice = this.#dice;
    const value = this.#value();
    const roll = dice.below(100);
    if (roll < 15) return { method: 'GET' };
    if (isMixed && roll < 35)
      return { method: 'DELETE', version: dice.chance(0.4) ? version : null };
    const ttl = isMixed && dice.chance(0.3) ? { ttlMs: dice.within([200, MOST_TTL_MS]) } : {};
    return { method: 'PUT', value, version: dice.chance(0.3) ? 'next' : version, ...ttl };
  }

  /** A key that is written once, and what other nodes know of it. */
  async writeOnce(): Promise<void> {
    const { nodes, stopping } = this.#work;
    for (let round = 0; !stopping.aborted; round += 1) {
      const dice = this.#dice;
      const key = `${ONCE_PREFIX}${this.#name}/${round}`;
      const acks = nodes.length > 1 && dice.chance(0.4) ? dice.within([2, nodes.length]) : null;
      const ttl = acks === null && dice.chance(0.2) ? { ttlMs: dice.within([300, 2500]) } : {};
      const value = this.#value();
      const wish = { method: 'PUT', key, value, version: 1, acks, ...ttl } as const;
      const put = await this.#call({ ...wish, node: this.#anyNode() });
      if (put.answer.status !== 200) continue;
      if (acks !== null) {
        const reads = nodes.map(({ index }) => this.#call({ key, node: index }, 0));
        await Promise.all(reads);
      }
      const after = put.answer.token;
      await this.#call({ key, node: this.#anyNode(), after });
      if (!dice.chance(0.5)) continue;
      const remove = await this.#call({ method: 'DELETE', key, node: this.#anyNode(), after });
      if (remove.answer.status !== 200) continue;
      await this.#call({ key, node: this.#anyNode(), after: remove.answer.token });
    }
  }

  async #call(wish: Partial<Request>, pauseMs = this.#work.pauseMs): Promise<Call> {
    const call = await this.#work.caller.call(this.#name, wish);
    const restMs = call.answer.status === null ? REST_AFTER_NO_ANSWER_MS : 0;
    if (pauseMs > 0) await pause(this.#dice.waitMs(pauseMs) + restMs, this.#work.stopping);
    return call;
  }

  /** Names its PUT; some are large, so that buffers of watchers and of peers fill. */
  #value(): string {
    this.#values += 1;
    return `${this.#name}-${this.#values}${this.#dice.chance(0.05) ? LARGE_MARK : ''}`;
  }

  #anyNode(): number {
    return this.#dice.below(this.#work.nodes.length);
  }
}

async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal: stopping }).catch(() => {});
}
