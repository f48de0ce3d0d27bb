/**
 * Sides are measured in turn, so that all of them meet the noise of the same minutes. A ratio is taken
 * within a round, and the median of the rounds counts.
 */
import { median } from './figures.ts';
import type { Scale } from './scale.ts';

/** Measures a side once. */
export type Measure<Name extends string> = () => Promise<Readonly<Record<Name, number>>>;

export class Rounds<Side extends string, Name extends string> {
  readonly #rounds: readonly Readonly<Partial<Record<Side, Readonly<Record<Name, number>>>>>[];

  constructor(rounds: readonly Partial<Record<Side, Readonly<Record<Name, number>>>>[]) {
    this.#rounds = rounds;
  }

  /** NaN for a side that was not measured. */
  median(side: Side, name: Name): number {
    return median(this.#rounds.map((round) => round[side]?.[name] ?? Number.NaN));
  }

  /** The median of the ratios of the rounds. */
  ratio(side: Side, to: Side, name: Name): number {
    const ratios = this.#rounds.map(
      (round) => (round[side]?.[name] ?? Number.NaN) / (round[to]?.[name] ?? Number.NaN),
    );
    return median(ratios);
  }
}

/** Measures each side once to warm up, unless the scale forgoes it, and then in the rounds that count. */
export async function inTurn<Side extends string, Name extends string>(
  { rounds: counted, warmUp }: Pick<Scale, 'rounds' | 'warmUp'>,
  sides: Partial<Readonly<Record<Side, Measure<Name>>>>,
): Promise<Rounds<Side, Name>> {
  const entries = Object.entries(sides) as [Side, Measure<Name>][];
  const rounds: Partial<Record<Side, Readonly<Record<Name, number>>>>[] = [];
  for (let round = warmUp ? 0 : 1; round <= counted; round++) {
    const measured: Partial<Record<Side, Readonly<Record<Name, number>>>> = {};
    // Every other round goes the other way, so that no side always comes after the same one.
    for (const [side, measure] of round % 2 === 0 ? entries : entries.toReversed())
      measured[side] = await measure();
    if (round > 0) rounds.push(measured);
  }
  return new Rounds(rounds);
}
