/** The metrics of joins. */
import type { Metrics } from '../process/metrics.ts';

const JOIN_BUCKETS = [0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** @returns counts a join by its result, with its time in milliseconds. */
export function joinCounter(metrics: Metrics): (result: string, ms: number) => void {
  const count = metrics.counter(
    'worlds_joins_total',
    'Joins, by result: `new` and `same` are seats, all else the reason of a refusal.',
    ['result'],
  );
  const took = metrics.seconds('worlds_join_seconds', 'Time of a join.', JOIN_BUCKETS);
  return (result, ms) => {
    count({ result });
    took(ms);
  };
}

/** @returns counts a seat that was given back. */
export function withdrawalCounter(metrics: Metrics): () => void {
  const count = metrics.counter(
    'worlds_seats_withdrawn_total',
    'Seats that were given back because the answer with them came too late.',
    [],
  );
  return () => count({});
}
