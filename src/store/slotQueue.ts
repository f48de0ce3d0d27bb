/** A queue of slots, in chunks of plain numbers. */
const CHUNK_SLOTS = 1024;

export class SlotQueue {
  readonly #chunks: Uint32Array[] = [];
  /** The place of the first slot in the first chunk. */
  #front = 0;
  length = 0;

  get bytes(): number {
    return this.#chunks.length * CHUNK_SLOTS * Uint32Array.BYTES_PER_ELEMENT;
  }

  push(slot: number): void {
    const place = this.#front + this.length;
    const chunk = Math.floor(place / CHUNK_SLOTS);
    if (chunk === this.#chunks.length) this.#chunks.push(new Uint32Array(CHUNK_SLOTS));
    const slots = this.#chunks[chunk];
    if (slots !== undefined) slots[place % CHUNK_SLOTS] = slot;
    this.length++;
  }

  /** @returns -1 if it is empty. */
  shift(): number {
    if (this.length === 0) return -1;
    const slot = this.at(0);
    this.length--;
    this.#front++;
    if (this.#front === CHUNK_SLOTS) {
      this.#chunks.shift();
      this.#front = 0;
    }
    return slot;
  }

  /** @param index from 0 to below the length, counted from the front. */
  at(index: number): number {
    const place = this.#front + index;
    return this.#chunks[Math.floor(place / CHUNK_SLOTS)]?.[place % CHUNK_SLOTS] ?? -1;
  }

  /**
   * The slots as they are now, in pieces. Later changes leave them alone: slots are only ever added
   * behind them.
   */
  image(): readonly Uint32Array[] {
    const pieces: Uint32Array[] = [];
    let left = this.length;
    for (const [index, chunk] of this.#chunks.entries()) {
      const from = index === 0 ? this.#front : 0;
      const piece = chunk.subarray(from, Math.min(CHUNK_SLOTS, from + left));
      left -= piece.length;
      if (piece.length > 0) pieces.push(piece);
    }
    return pieces;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#front = 0;
    this.length = 0;
  }
}
