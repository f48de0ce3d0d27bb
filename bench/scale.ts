/** The size of a run: how many rounds, how long each measurement takes, and which part of the keys. */
export interface Scale {
  /** Rounds that count. */
  readonly rounds: number;
  /** Whether a round that does not count comes before them. */
  readonly warmUp: boolean;
  /** The length of one measurement. */
  readonly seconds: number;
  /** The part of a full run's keys and ops, above 0 and up to 1. */
  readonly share: number;
}

export const FULL: Scale = { rounds: 5, warmUp: true, seconds: 4, share: 1 };
/** Shows on an idle machine that a bench works; its figures mean nothing. */
export const QUICK: Scale = { rounds: 1, warmUp: true, seconds: 1, share: 0.02 };
/** Shows the same to `npm test`, for as little processor time as will do. */
export const SMOKE: Scale = { rounds: 1, warmUp: false, seconds: 0.2, share: 0.0002 };

const LEAST = 200;

/** @returns the part of the number, but no less than 200 and no more than the number. */
export const scaled = (full: number, { share }: Scale): number =>
  Math.min(full, Math.max(LEAST, Math.round(full * share)));
