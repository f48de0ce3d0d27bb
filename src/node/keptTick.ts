/**
 * One call of process.nextTick, kept for as long as the process lives. Node makes an object for each call, by a literal
 * with computed names, and nothing but such objects holds their shape. If a collection of the whole heap finds none of
 * them, V8 forgets the shape, takes the next ones for others, and from then on makes each of them by a slow way: 350 ns in
 * place of 35, and a GET makes two (docs/performance.md).
 */
import { executionAsyncResource } from 'node:async_hooks';

let kept: object | null = null;

/** Keeps the object of the next tick. */
export function keepTick(): void {
  process.nextTick(() => {
    kept = executionAsyncResource();
  });
}

/** @returns the object that is kept; null before the tick after `keepTick`. */
export const keptTick = (): object | null => kept;
