/**
 * Opening a long log makes millions of objects that die at once, and V8 keeps the room that they had: 128 MiB
 * for young objects alone, and 60 MiB for others. One full collection before the node listens gives it back,
 * while nobody waits for the event loop but the start itself.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Shorter logs leave little behind. */
const LEAST_ROWS = 50_000;

/** @param rows the number of rows that were read. */
export function giveBackHeap(rows: number): void {
  if (rows >= LEAST_ROWS) collectGarbage();
}

/** A full collection now: it stops the node for a while. @returns the time that it took, in milliseconds. */
export function collectGarbage(): number {
  const startedAt = performance.now();
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  // This flavor of V8 also shrinks the spaces of the heap.
  if (typeof collect === 'function')
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return performance.now() - startedAt;
}

/** The part of the heap's greatest size that is in use, garbage included: 0 to 1. */
export function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}
