/**
 * superjson, extended to the values that it would lose: float arrays that hold NaN, an infinity or −0
 * (JSON makes them null or 0), arrays of BigInt and half floats, and invalid dates.
 *
 * Every other value is annotated as superjson does by itself, so that any other user of superjson reads
 * it.
 */
import { SuperJSON } from 'superjson';

/** Names begin so in order not to meet another program's custom type. */
const EXACT_ARRAY = 'hearsay:array';
const NO_DATE = 'hearsay:no-date';

export const CUSTOM_TYPES: ReadonlySet<unknown> = new Set([EXACT_ARRAY, NO_DATE]);

type ArrayClass = { from(numbers: readonly number[]): ArrayBufferView; readonly name: string };
type BigArrayClass = { from(numbers: readonly bigint[]): ArrayBufferView; readonly name: string };

/** The classes that superjson knows. */
const ARRAYS: readonly ArrayClass[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
];
const BIG_ARRAYS: readonly BigArrayClass[] = [BigInt64Array, BigUint64Array];

/** Younger than the rest, and missing on some platforms. */
function halfFloats(): ArrayClass | undefined {
  const platform: { readonly Float32Array: unknown; Float16Array?: ArrayClass } = globalThis;
  return platform.Float16Array;
}

export const ARRAY_NAMES: ReadonlySet<unknown> = new Set(ARRAYS.map(({ name }) => name));

export function createSuperJson(): SuperJSON {
  const superJson = new SuperJSON();
  superJson.registerCustom<ArrayBufferView, string[]>(
    { isApplicable: needsExactForm, serialize: toTexts, deserialize: fromTexts },
    EXACT_ARRAY,
  );
  superJson.registerCustom<Date, null>(
    {
      isApplicable: (part): part is Date => part instanceof Date && Number.isNaN(part.getTime()),
      serialize: () => null,
      deserialize: () => new Date(Number.NaN),
    },
    NO_DATE,
  );
  return superJson;
}

function needsExactForm(part: unknown): part is ArrayBufferView {
  if (!ArrayBuffer.isView(part) || part instanceof DataView) return false;
  // An instance of a subclass, as Node's Buffer is of Uint8Array, or of a class that superjson does not
  // know.
  if (!ARRAY_NAMES.has(part.constructor.name)) return true;
  if (!(part instanceof Float32Array || part instanceof Float64Array)) return false;
  return part.some((number: number) => !Number.isFinite(number) || Object.is(number, -0));
}

/** The name of the class, then the elements. */
function toTexts(view: ArrayBufferView): string[] {
  return [classOf(view), ...Array.from(elementsOf(view), textOf)];
}

const classOf = (view: ArrayBufferView): string =>
  // Node's Buffer reads back as its base class, which browsers have too.
  view instanceof Uint8Array && !(view instanceof Uint8ClampedArray)
    ? 'Uint8Array'
    : view.constructor.name;

/** A view is a DataView, or holds numbers, or else BigInts. */
const elementsOf = (view: ArrayBufferView): Iterable<number | bigint> =>
  view as unknown as Iterable<number | bigint>;

const textOf = (element: number | bigint): string => (Object.is(element, -0) ? '-0' : `${element}`);

/** The reverse of `toTexts`. @throws Error for any other input. */
function fromTexts(input: unknown): ArrayBufferView {
  if (!Array.isArray(input)) throw new TypeError('The elements of an array are missing.');
  const [name, ...texts]: readonly unknown[] = input;
  const big = BIG_ARRAYS.find((candidate) => candidate.name === name);
  if (big !== undefined) return big.from(texts.map((text) => BigInt(String(text))));
  const type = [...ARRAYS, halfFloats()].find((candidate) => candidate?.name === name);
  if (type === undefined) throw new TypeError(`There is no ${String(name)} here.`);
  return type.from(texts.map(Number));
}
