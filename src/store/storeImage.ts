/**
 * A store in pages as it was at one moment, as frames of bytes: every array as it lies in memory, so that
 * neither writing nor reading looks at a single entry.
 *
 * The first frame holds counts, the second the lengths of all arrays; then come the arrays themselves.
 * Numbers are in the byte order of the machine. A store of another order or another form of records
 * shows in the first numbers, and is refused.
 */
import { MapSum } from '../rules/mapSum.ts';
import { at } from '../words/invariant.ts';
import { bytesOf, framesOf, targetsOf } from './frames.ts';
import type { HashSeed } from './keyHash.ts';
import type { OriginsImage } from './origins.ts';
import type { PageImage } from './pages.ts';
import type { OrderImage } from './slotOrder.ts';
import { newSlotsImage, type SlotsImage } from './slots.ts';
import type { SegmentImage } from './slotTable.ts';

export interface StoreImage {
  readonly seed: HashSeed;
  readonly size: number;
  readonly deadSize: number;
  /** Bytes of values that may be dropped, and entries whose values were. */
  readonly droppableBytes: number;
  readonly coldSize: number;
  readonly sum: MapSum;
  readonly origins: OriginsImage;
  readonly pages: readonly PageImage[];
  readonly slots: SlotsImage;
  readonly table: readonly SegmentImage[];
  readonly listed: OrderImage;
  readonly expiring: OrderImage;
  readonly dead: readonly Uint32Array[];
}

/** Raised with every change of records, slots or orders that an older version could not read. */
export const IMAGE_FORMAT = 2;

/** The image can't be one that this version made here. */
export class ForeignImageError extends Error {}

/** Numbers of the first frame. */
const COUNTS = 20;
const PAGE_NUMBERS = 4;
const SEGMENT_NUMBERS = 3;
const MINUTE_NUMBERS = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param image of a capture that is under way until the last frame was taken. */
export function* imageFrames(image: StoreImage): Generator<Uint8Array, void, undefined> {
  const { seed, size, deadSize, droppableBytes, coldSize, sum, origins } = image;
  const { pages, slots, table, listed, expiring, dead } = image;
  const minutes = [...sum.byMinute()];
  const names = encoder.encode(JSON.stringify(origins.origins));
  const counts = new Float64Array(COUNTS);
  counts.set([
    ...[IMAGE_FORMAT, size, deadSize, seed.first, seed.second, sum.all.high, sum.all.low],
    ...[minutes.length, names.length, origins.lastId, pages.length],
    ...[slots.end, slots.firstFree, table.length, listed.length, expiring.length, dead.length],
    ...[droppableBytes, coldSize],
  ]);
  yield* framesOf([bytesOf(counts)]);
  const lengths = Float64Array.from([
    ...pages.flatMap(({ base, hasValues, live, bytes }) => [
      base,
      hasValues ? 1 : 0,
      live,
      bytes.length,
    ]),
    ...table.flatMap(({ depth, count, cells }) => [depth, count, cells.length]),
    ...[...listed, ...expiring, ...dead].map((piece) => piece.length),
    ...minutes.flatMap(([minute, { high, low }]) => [minute, high, low]),
  ]);
  yield* framesOf([names, bytesOf(lengths)]);
  yield* framesOf(arraysOf(image));
}

/**
 * Reads the frames of `imageFrames`.
 *
 * @yields the targets of the frames, in order; each must be filled before the next one is taken.
 * @throws ForeignImageError if the image is of another form.
 */
export function* imageTargets(): Generator<Uint8Array, StoreImage, undefined> {
  const counts = new Float64Array(COUNTS);
  yield* targetsOf([bytesOf(counts)]);
  const count = reader(counts);
  const [format, size, deadSize] = [count(), count(), count()];
  const seed = { first: count(), second: count() };
  const all = { high: count(), low: count() };
  const [minutes, nameBytes, lastId, pages] = [count(), count(), count(), count()];
  const [end, firstFree, segments] = [count(), count(), count()];
  const [listed, expiring, dead] = [count(), count(), count()];
  const [droppableBytes, coldSize] = [count(), count()];
  if (format !== IMAGE_FORMAT) throw new ForeignImageError('it has another form');
  const names = new Uint8Array(nameBytes);
  const numbers = pages * PAGE_NUMBERS + segments * SEGMENT_NUMBERS + minutes * MINUTE_NUMBERS;
  const lengths = new Float64Array(numbers + listed + expiring + dead);
  yield* targetsOf([names, bytesOf(lengths)]);
  const next = reader(lengths);
  const empty = {
    pages: times(pages, () => ({
      base: next(),
      hasValues: next() === 1,
      live: next(),
      bytes: newBytes(next()),
    })),
    slots: newSlotsImage(end, firstFree),
    table: times(segments, () => ({
      depth: next(),
      count: next(),
      cells: new Uint32Array(next()),
    })),
    listed: times(listed, () => new Uint32Array(next())),
    expiring: times(expiring, () => new Uint32Array(next())),
    dead: times(dead, () => new Uint32Array(next())),
  };
  const byMinute = times(minutes, () => [next(), { high: next(), low: next() }] as const);
  yield* targetsOf(arraysOf(empty));
  return {
    ...empty,
    seed,
    size,
    deadSize,
    droppableBytes,
    coldSize,
    sum: MapSum.of(all, byMinute),
    origins: { lastId, origins: originsOf(decoder.decode(names)) },
  };
}

type Arrays = Pick<StoreImage, 'pages' | 'slots' | 'table' | 'listed' | 'expiring' | 'dead'>;

const arraysOf = ({ pages, slots, table, listed, expiring, dead }: Arrays): Uint8Array[] => [
  ...pages.map(({ bytes }) => bytes),
  ...slots.addresses.map(bytesOf),
  ...slots.states,
  ...table.map(({ cells }) => bytesOf(cells)),
  ...[...listed, ...expiring, ...dead].map(bytesOf),
];

/** Outside of the pool of buffers, whose parts are kept alive together. */
const newBytes = (length: number): Buffer => Buffer.allocUnsafeSlow(length);

const times = <T>(length: number, make: () => T): T[] => Array.from({ length }, make);

function reader(numbers: Float64Array): () => number {
  let index = 0;
  return () => at(numbers, index++);
}

function originsOf(text: string): OriginsImage['origins'] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new ForeignImageError('its origins are no list');
  return parsed.map((one: unknown) => {
    const [id, name, entries]: unknown[] = Array.isArray(one) ? one : [];
    if (typeof id !== 'number' || typeof name !== 'string' || typeof entries !== 'number')
      throw new ForeignImageError('it has an origin without a name');
    return [id, name, entries];
  });
}
