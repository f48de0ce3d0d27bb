/**
 * Slots by the hash of their keys: segments of open addressing with linear probing, and a directory that
 * the highest bits of a hash lead through. A full segment is doubled, and from `MAX_CELLS` on split in
 * two (extendible hashing, by Fagin, Nievergelt, Pippenger and Strong, 1979), so that no insertion ever
 * moves more than one segment.
 */
import { ensure, present } from '../words/invariant.ts';
import { Captures } from './captures.ts';

const FIRST_CELLS = 16;
const MAX_CELLS = 4096;
const MAX_LOAD = 0.8;
/** Beyond it, hashes are so much alike that a split would not help: the segment is doubled instead. */
const MAX_DEPTH = 20;
const HASH_BITS = 32;
/** A hash and a slot. */
const CELL_BYTES = 8;

class Segment {
  /** A hash and a slot + 1 for each cell; 0 in an empty cell. */
  cells: Uint32Array;
  /** One less than the number of cells, a power of two. */
  mask: number;
  count = 0;
  /** Highest bits of the hash that all its slots share. */
  readonly depth: number;
  /** The capture during which `cells` was made. */
  since: number;

  constructor(cells: number, depth: number, since: number) {
    this.cells = new Uint32Array(2 * cells);
    this.mask = cells - 1;
    this.depth = depth;
    this.since = since;
  }

  add(hash: number, entry: number): void {
    const { cells, mask } = this;
    let cell = hash & mask;
    while (cells[2 * cell + 1] !== 0) cell = (cell + 1) & mask;
    cells[2 * cell] = hash;
    cells[2 * cell + 1] = entry;
    this.count++;
  }

  /** Closes the gap, so that no search ends before its slot (Knuth, volume 3, section 6.4, algorithm R). */
  removeAt(gapCell: number): void {
    const { cells, mask } = this;
    let gap = gapCell;
    for (let cell = (gap + 1) & mask; cells[2 * cell + 1] !== 0; cell = (cell + 1) & mask) {
      const home = (cells[2 * cell] ?? 0) & mask;
      // It may move if its home does not lie between the gap and itself.
      if (((cell - home) & mask) < ((cell - gap) & mask)) continue;
      cells[2 * gap] = cells[2 * cell] ?? 0;
      cells[2 * gap + 1] = cells[2 * cell + 1] ?? 0;
      gap = cell;
    }
    cells[2 * gap + 1] = 0;
    this.count--;
  }
}

/** A segment as it was at one moment. */
export interface SegmentImage {
  readonly depth: number;
  readonly count: number;
  readonly cells: Uint32Array;
}

export class SlotTable {
  readonly #captures: Captures;
  #directory: Segment[] = [new Segment(FIRST_CELLS, 0, 0)];
  #depth = 0;
  /** Bytes of the cells of all segments. */
  bytes = CELL_BYTES * FIRST_CELLS;
  readonly #isSought: (slot: number) => boolean;

  /** @param isSought whether the key of the slot is the one that is sought; asked where hashes agree. */
  constructor(isSought: (slot: number) => boolean, captures = new Captures()) {
    this.#isSought = isSought;
    this.#captures = captures;
  }

  /** @returns the slot of the sought key; -1 if there is none. */
  find(hash: number): number {
    const segment = this.#segmentOf(hash);
    const cell = this.#cellOf(segment, hash);
    return cell < 0 ? -1 : (segment.cells[2 * cell + 1] ?? 0) - 1;
  }

  /** The slot of a key with this hash, most probably that of the one key with it; -1 if there is none. No key is looked at. */
  slotWith(hash: number): number {
    const { cells, mask } = this.#segmentOf(hash);
    let cell = hash & mask;
    for (;;) {
      const entry = cells[2 * cell + 1] ?? 0;
      if (entry === 0 || cells[2 * cell] === hash) return entry - 1;
      cell = (cell + 1) & mask;
    }
  }

  /** Adds a slot whose key is not there yet. */
  add(hash: number, slot: number): void {
    let segment = this.#changedSegmentOf(hash);
    while (segment.count + 1 > MAX_LOAD * (segment.mask + 1)) {
      this.#grow(segment, hash);
      segment = this.#changedSegmentOf(hash);
    }
    segment.add(hash, slot + 1);
  }

  /** Removes a slot that is there. @param hash that of its key. */
  remove(hash: number, slot: number): void {
    const segment = this.#changedSegmentOf(hash);
    const { cells, mask } = segment;
    let cell = hash & mask;
    while (cells[2 * cell + 1] !== slot + 1) {
      ensure(cells[2 * cell + 1] !== 0, 'a slot that is removed from the table is there');
      cell = (cell + 1) & mask;
    }
    segment.removeAt(cell);
  }

  clear(): void {
    this.#directory = [new Segment(FIRST_CELLS, 0, this.#captures.underWay)];
    this.#depth = 0;
    this.bytes = CELL_BYTES * FIRST_CELLS;
  }

  /** The segments in the order of the directory. Only while a capture is under way. */
  image(): SegmentImage[] {
    const segments: SegmentImage[] = [];
    let last: Segment | undefined;
    for (const segment of this.#directory) {
      if (segment === last) continue;
      last = segment;
      segments.push({ depth: segment.depth, count: segment.count, cells: segment.cells });
    }
    return segments;
  }

  /** Takes the arrays of the image over. */
  restore(segments: readonly SegmentImage[]): void {
    this.#depth = segments.reduce((most, { depth }) => Math.max(most, depth), 0);
    this.#directory = [];
    this.bytes = segments.reduce((sum, { cells }) => sum + cells.byteLength, 0);
    for (const { depth, count, cells } of segments) {
      const segment = new Segment(0, depth, this.#captures.underWay);
      segment.cells = cells;
      segment.mask = cells.length / 2 - 1;
      segment.count = count;
      for (let left = 2 ** (this.#depth - depth); left > 0; left--) this.#directory.push(segment);
    }
    ensure(this.#directory.length === 2 ** this.#depth, 'the segments of a table are all there');
  }

  #indexOf(hash: number): number {
    return this.#depth === 0 ? 0 : hash >>> (HASH_BITS - this.#depth);
  }

  #segmentOf(hash: number): Segment {
    return present(this.#directory[this.#indexOf(hash)], 'the segment of a hash');
  }

  #changedSegmentOf(hash: number): Segment {
    const segment = this.#segmentOf(hash);
    if (this.#captures.mustCopy(segment.since)) {
      segment.cells = segment.cells.slice();
      segment.since = this.#captures.underWay;
    }
    return segment;
  }

  #cellOf({ cells, mask }: Segment, hash: number): number {
    let cell = hash & mask;
    for (;;) {
      const entry = cells[2 * cell + 1] ?? 0;
      if (entry === 0) return -1;
      if (cells[2 * cell] === hash && this.#isSought(entry - 1)) return cell;
      cell = (cell + 1) & mask;
    }
  }

  #grow(segment: Segment, hash: number): void {
    if (segment.mask + 1 < MAX_CELLS || segment.depth >= MAX_DEPTH) {
      const { cells } = segment;
      segment.cells = new Uint32Array(2 * cells.length);
      segment.mask = cells.length - 1;
      this.bytes += cells.byteLength;
      segment.count = 0;
      for (let index = 0; index < cells.length; index += 2) {
        const entry = cells[index + 1] ?? 0;
        if (entry !== 0) segment.add(cells[index] ?? 0, entry);
      }
      return;
    }
    if (segment.depth === this.#depth) {
      this.#directory = this.#directory.flatMap((one) => [one, one]);
      this.#depth++;
    }
    this.#split(segment, hash);
  }

  #split({ cells, depth }: Segment, hash: number): void {
    const newHalf = (): Segment => new Segment(MAX_CELLS, depth + 1, this.#captures.underWay);
    const halves = [newHalf(), newHalf()] as const;
    this.bytes += 2 * CELL_BYTES * MAX_CELLS - cells.byteLength;
    const shift = HASH_BITS - depth - 1;
    for (let index = 0; index < cells.length; index += 2) {
      const [one, entry] = [cells[index] ?? 0, cells[index + 1] ?? 0];
      if (entry !== 0) halves[((one >>> shift) & 1) as 0 | 1].add(one, entry);
    }
    // The places of the directory whose first `depth` bits are those of the hash.
    const width = 2 ** (this.#depth - depth);
    const from = Math.floor(this.#indexOf(hash) / width) * width;
    for (let index = 0; index < width; index++)
      this.#directory[from + index] = halves[index < width / 2 ? 0 : 1];
  }
}
