/**
 * One call of process.nextTick, kept for as long as the process lives. Node makes an object for each call, by a literal
 * with computed names, and nothing but such objects holds their shape. If a collection of the whole heap finds none of
 * them, V8 forgets the shape, takes the next ones for others, and from then on makes each of them by a slow way: 350 ns in
 * place of 35, and a GET makes two (docs/performance.md).
 */
import { createHook } from 'node:async_hooks';

let kept: object | null = null;

/**
 * Makes a tick, and keeps its object. `executionAsyncResource` would give it too, but once it has been called, Node
 * notes the object of every callback.
 */
export function keepTick(): void {
  const hook = createHook({
    init: (_id, _type, _trigger, resource) => {
      kept = resource;
    },
  });
  hook.enable();
  process.nextTick(() => {});
  hook.disable();
}

/** @returns the object that is kept; null before `keepTick`. */
export const keptTick = (): object | null => kept;
