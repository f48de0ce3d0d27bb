/**
 * Checks a value before it is sent, so that nothing is lost in silence: functions, symbols, class
 * instances and circles have no form on the wire.
 */
import { InvalidRequestError } from '../errors.ts';

/** `json` goes out unchanged; `typed` needs superjson. */
export type ValueForm = 'json' | 'typed';

const BOXED = [Number, String, Boolean];
const TYPED_CLASSES = [Date, RegExp, URL];

/** One object that is being checked, with its parts that are left. */
interface Frame {
  readonly object: object;
  readonly parts: Iterator<unknown>;
}

/** @throws InvalidRequestError for a value that can't be stored. */
export const kindOf = (value: unknown): ValueForm =>
  isFlat(value) ? 'json' : new Check().run(value);

/** Whether it is a text, a number and so on, or an object of such: most values are, and need no walk. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isScalar(value);
  if (!isPlainObject(value)) return false;
  for (const part of Object.values(value)) if (!isScalar(part)) return false;
  return true;
}

/** Whether it is no object, and JSON has a form for it. */
function isScalar(part: unknown): boolean {
  if (typeof part === 'string' || typeof part === 'boolean' || part === null) return true;
  return typeof part === 'number' && isPlain(part);
}

/** Never recurses, so that no depth overflows the stack here. */
class Check {
  #isTyped = false;
  #hasExactNumber = false;
  readonly #frames: Frame[] = [];
  readonly #open = new Set<object>();
  readonly #finished = new Set<object>();

  run(value: unknown): ValueForm {
    this.#enter(value);
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const { done, value: part } = frame.parts.next();
      if (!done) {
        this.#enter(part);
        continue;
      }
      this.#frames.pop();
      this.#open.delete(frame.object);
      this.#finished.add(frame.object);
    }
    if (this.#hasExactNumber && this.#isTyped)
      throw invalid('it holds exact digits beside a value for which JSON has no form');
    return this.#isTyped ? 'typed' : 'json';
  }

  #enter(part: unknown): void {
    if (isExactNumber(part)) {
      this.#hasExactNumber = true;
      return;
    }
    if (!isPlain(part)) this.#isTyped = true;
    if (typeof part !== 'object' || part === null || this.#finished.has(part)) return;
    if (this.#open.has(part)) throw invalid('it refers to itself');
    const parts = partsOf(part);
    if (parts === null) return;
    this.#open.add(part);
    this.#frames.push({ object: part, parts });
  }
}

/** Whether JSON has a form for it that reads back as the same value. @throws InvalidRequestError */
function isPlain(part: unknown): boolean {
  switch (typeof part) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(part) && !Object.is(part, -0);
    case 'bigint':
    case 'undefined':
      return false;
    case 'object':
      return part === null || Array.isArray(part) || isPlainObject(part) || hasOwnForm(part);
    default:
      throw invalid(`it holds a ${typeof part}`);
  }
}

function isPlainObject(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || prototype === Object.prototype;
}

const isTyped = (object: object): boolean =>
  object instanceof Map ||
  object instanceof Set ||
  object instanceof Error ||
  (ArrayBuffer.isView(object) && !(object instanceof DataView)) ||
  TYPED_CLASSES.some((type) => object instanceof type);

/** Whether its class has a `toJSON` of its own. */
const hasOwnForm = (object: object): boolean =>
  !isTyped(object) && 'toJSON' in object && typeof object.toJSON === 'function';

/** The parts of an object; null for an object without parts. @throws InvalidRequestError */
function partsOf(object: object): Iterator<unknown> | null {
  if (Array.isArray(object)) return elementsOf(object);
  if (object instanceof Map) return [...object].flat(1).values();
  if (object instanceof Set) return object.values();
  if (object instanceof Error) return [object.cause].values();
  if (isTyped(object) || hasOwnForm(object)) return null;
  if (isPlainObject(object)) return Object.values(object).values();
  if (BOXED.some((type) => object instanceof type))
    throw invalid('it holds a number, string or boolean made with new');
  throw invalid(`it holds an instance of ${object.constructor?.name || 'a class'}`);
}

function elementsOf(array: readonly unknown[]): Iterator<unknown> {
  // reduce() skips holes, which JSON would turn into null.
  if (array.reduce<number>((count) => count + 1, 0) !== array.length)
    throw invalid('it holds an array with holes');
  return array.values();
}

/** Whether `JSON.rawJSON` made it, on a platform that has that function. */
function isExactNumber(part: unknown): boolean {
  const json: { readonly parse: unknown; isRawJSON?: (part: unknown) => boolean } = JSON;
  return json.isRawJSON?.(part) ?? false;
}

export const invalid = (why: string, cause?: unknown): InvalidRequestError =>
  new InvalidRequestError(`The value can't be stored: ${why}.`, null, { cause });
