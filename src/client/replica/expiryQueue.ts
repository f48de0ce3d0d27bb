/** Keys by the instant at which they expire: a binary heap that skips outdated items. */

interface Item {
  readonly key: string;
  readonly atMs: number;
}

export class ExpiryQueue {
  #items: Item[] = [];
  /** Whether the key still expires at that instant. */
  readonly #isCurrent: (key: string, atMs: number) => boolean;

  constructor(isCurrent: (key: string, atMs: number) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** The number of items, outdated ones included. */
  get length(): number {
    return this.#items.length;
  }

  add(key: string, atMs: number): void {
    const items = this.#items;
    let index = items.length;
    const item = { key, atMs };
    items.push(item);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || parent.atMs <= atMs) break;
      items[index] = parent;
      index = above;
    }
    items[index] = item;
  }

  /** The instant of the first current item; null if there is none. */
  nextAtMs(): number | null {
    for (let first = this.#items[0]; first !== undefined; first = this.#items[0]) {
      if (this.#isCurrent(first.key, first.atMs)) return first.atMs;
      this.#removeFirst();
    }
    return null;
  }

  /** Takes out the keys whose items are current and due. */
  takeDue(nowMs: number): string[] {
    const due: string[] = [];
    for (let first = this.#items[0]; first !== undefined; first = this.#items[0]) {
      if (first.atMs > nowMs) break;
      if (this.#isCurrent(first.key, first.atMs)) due.push(first.key);
      this.#removeFirst();
    }
    return due;
  }

  clear(): void {
    this.#items = [];
  }

  #removeFirst(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      const left = items[below];
      const right = items[below + 1];
      if (left === undefined) break;
      let child = left;
      if (right !== undefined && right.atMs < left.atMs) {
        child = right;
        below++;
      }
      if (child.atMs >= last.atMs) break;
      items[index] = child;
      index = below;
    }
    items[index] = last;
  }
}
