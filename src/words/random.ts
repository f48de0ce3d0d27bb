/** Seeded randomness for runs that must replay exactly (Vigna's SplitMix, in Steele's 32-bit form). */

export interface Random {
  state: number;
}

export const seeded = (seed: number): Random => ({ state: seed >>> 0 });

/** @returns a number from 0 to below 1, and moves the state on. */
export function nextRandom(random: Random): number {
  random.state = (random.state + 0x9e3779b9) >>> 0;
  let bits = random.state;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(nextRandom(random) * (index + 1));
    const [a, b] = [result[index], result[other]];
    if (a !== undefined && b !== undefined) [result[index], result[other]] = [b, a];
  }
  return result;
}
