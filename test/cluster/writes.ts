/** Writes to nodes: batches, and histories whose outcome is known because one client wrote each key. */
import { z } from 'zod';
import { nextRandom, type Random } from '../../src/words/random.ts';
import type { NodeProcess } from '../support/nodes.ts';

export type BatchOp =
  | {
      readonly op: 'put';
      readonly key: string;
      readonly value: unknown;
      readonly version: number | 'next';
    }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'get'; readonly key: string };

const resultsSchema = z.object({ results: z.array(z.looseObject({ status: z.number() })) });

/** @returns the status of each op. */
export async function batch(node: NodeProcess, ops: readonly BatchOp[]): Promise<number[]> {
  const response = await node.request('/cache', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ops }),
  });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`${node.nodeId} answers ${response.status}: ${text}`);
  return resultsSchema.parse(JSON.parse(text)).results.map(({ status }) => status);
}

export const range = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index);

export const puts = (keys: readonly string[], value: unknown, version: number): BatchOp[] =>
  keys.map((key) => ({ op: 'put', key, value, version }));

/**
 * One client that puts, overwrites and deletes its own keys, and remembers what was answered.
 *
 * `known` holds each live key with its version and value as `mapOf` tells them.
 */
export class Writer {
  readonly known = new Map<string, string>();
  readonly #node: NodeProcess;
  readonly #random: Random;
  readonly #keys: readonly string[];
  #written = 0;

  constructor(node: NodeProcess, random: Random, keys: number) {
    this.#node = node;
    this.#random = random;
    this.#keys = range(keys).map((index) => `${node.nodeId}/${index}`);
  }

  /** @param count ops in one batch: two puts or overwrites to each delete. */
  async write(count: number): Promise<void> {
    const ops: BatchOp[] = [];
    const after = new Map<string, string | null>();
    for (let done = 0; done < count; done++) {
      const key = this.#keys[Math.floor(nextRandom(this.#random) * this.#keys.length)] ?? '';
      const version = ++this.#written;
      const isDelete = nextRandom(this.#random) < 1 / 3;
      ops.push(
        isDelete ? { op: 'delete', key } : { op: 'put', key, value: `v${version}`, version },
      );
      after.set(key, isDelete ? null : `${version} "v${version}"`);
    }
    const statuses = await batch(this.#node, ops);
    const failed = statuses.find((status) => status !== 200);
    if (failed !== undefined) throw new Error(`${this.#node.nodeId} answers ${failed} in a batch`);
    for (const [key, shown] of after)
      if (shown === null) this.known.delete(key);
      else this.known.set(key, shown);
  }
}
