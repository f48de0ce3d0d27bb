/** A burst fills something for a moment: it has to be full at so many looks in a row. */
const FULL_LOOKS = 10;
/** Fullness ends below this part of its threshold, so that the node does not waver. */
export const ENDS_AT = 0.9;

/** Whether something has been full at each of the last looks, or has not been emptied since. */
export class LastingFullness {
  isFull = false;
  #looks = 0;

  /** @param share the part that is full. @param full the part from which on it counts as full. */
  look(share: number, full: number): void {
    const isAbove = share >= (this.isFull ? full * ENDS_AT : full);
    this.#looks = isAbove ? this.#looks + 1 : 0;
    this.isFull = isAbove && (this.isFull || this.#looks >= FULL_LOOKS);
  }
}
