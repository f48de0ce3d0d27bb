/** Requests, connections or bytes under way, by the holder of an address. Who has none takes no room. */
export class HolderCounts {
  readonly #counts = new Map<string, number>();

  /** @param holder as `holderOf` names it. */
  of(holder: string): number {
    return this.#counts.get(holder) ?? 0;
  }

  /** @param change negative where something has ended. @returns the count of the holder now. */
  add(holder: string, change: number): number {
    const count = this.of(holder) + change;
    if (count > 0) this.#counts.set(holder, count);
    else this.#counts.delete(holder);
    return count;
  }
}
