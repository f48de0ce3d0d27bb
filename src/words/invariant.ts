/**
 * Checks of invariants, for every floor. A broken invariant stops the node before it spreads a
 * plausible wrong value. So nothing that a peer, a client or a file sends may end in one of these.
 */
import { BrokenInvariantError } from './errors.ts';

/**
 * @param list of elements that are never undefined.
 * @param index from 0 to below the length.
 * @throws BrokenInvariantError if there is no such element.
 */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const element = list[index];
  if (element === undefined)
    throw new BrokenInvariantError(`a list of ${list.length} has no element ${index}`);
  return element;
}

/**
 * @param name the value in words, for the message: "the record of the origin".
 * @throws BrokenInvariantError if the value is null or undefined.
 */
export function present<T>(value: T, name: string): NonNullable<T> {
  if (value === null || value === undefined) throw new BrokenInvariantError(`${name} is missing`);
  return value;
}

/**
 * @param rule the invariant as a sentence without its full stop: "lsns grow".
 * @throws BrokenInvariantError if the condition is false.
 */
export function ensure(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new BrokenInvariantError(`it must hold that ${rule}`);
}
