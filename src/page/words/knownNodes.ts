/**
 * The web origins at which the page asks nodes. Pure.
 *
 * Invariant: a node is asked at one web origin, though it may name another than the one that the reader opened, as
 * localhost and 127.0.0.1. But an address that answers as several nodes, as a load balancer does, stands for none.
 */

/** The addresses that the page has learned of so far; it grows by at most one record for each address. */
export interface Learned {
  /** Web origin → the origin of the node that names it as its URL. */
  readonly named: ReadonlyMap<string, string>;
  /** Web origin that was asked → the origin of the node that answered; null: several nodes did. */
  readonly answered: ReadonlyMap<string, string | null>;
}

export const NOTHING_LEARNED: Learned = { named: new Map(), answered: new Map() };

const UNHEARD = '';

export interface Named {
  readonly origin: string | null;
  readonly url: string | null;
}

/** @param base the web origin that was asked. @param nodeOrigin of the node that answered. @param others that it names. */
export function learn(
  { named, answered }: Learned,
  base: string,
  nodeOrigin: string,
  others: readonly Named[],
): Learned {
  const newNamed = new Map(named);
  for (const { origin, url } of others)
    if (url !== null) newNamed.set(new URL(url).origin, origin ?? UNHEARD);
  const before = answered.get(base);
  const isSame = before === undefined || before === nodeOrigin;
  return {
    named: newNamed,
    answered: new Map(answered).set(base, isSame ? nodeOrigin : null),
  };
}

/** @param opened the web origin of the page. @returns it, and one for each other node: the first that was named. */
export function basesOf({ named, answered }: Learned, opened: string): readonly string[] {
  const bases = [opened];
  const stoodFor = new Set<string | null | undefined>([answered.get(opened)]);
  for (const [url, node] of named) {
    if (url === opened || stoodFor.has(node)) continue;
    bases.push(url);
    // A node that nobody has heard yet has no name: each of its addresses counts.
    if (node !== UNHEARD) stoodFor.add(node);
  }
  return bases;
}
