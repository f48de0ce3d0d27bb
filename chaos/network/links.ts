/** The wished state of every link of a run, one for each direction of each pair of nodes. */

export interface Link {
  readonly isCut: boolean;
  /** From 0 to 100. */
  readonly lossPercent: number;
  readonly delayMs: number;
  /** The delay is up to so much longer, drawn anew for each packet or chunk. */
  readonly jitterMs: number;
}

export const SOUND: Link = { isCut: false, lossPercent: 0, delayMs: 0, jitterMs: 0 };

export class Links {
  readonly nodes: number;
  readonly #links = new Map<string, Link>();

  constructor(nodes: number) {
    this.nodes = nodes;
  }

  at(from: number, to: number): Link {
    return this.#links.get(`${from} ${to}`) ?? SOUND;
  }

  set(from: number, to: number, link: Link): void {
    if (from !== to) this.#links.set(`${from} ${to}`, link);
  }

  setAll(link: Link): void {
    for (let from = 0; from < this.nodes; from += 1)
      for (let to = 0; to < this.nodes; to += 1) this.set(from, to, link);
  }

  /** Cuts both directions of each pair for which it holds. */
  cutWhere(isApart: (a: number, b: number) => boolean): void {
    for (let a = 0; a < this.nodes; a += 1)
      for (let b = 0; b < this.nodes; b += 1)
        if (a !== b && (isApart(a, b) || isApart(b, a))) this.set(a, b, { ...SOUND, isCut: true });
  }

  heal(): void {
    this.#links.clear();
  }
}
