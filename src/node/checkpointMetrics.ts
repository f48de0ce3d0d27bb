/** Metrics of checkpoints, and of the proof of the rows that they stand for. */
import type { Registry } from 'prom-client';
import { Figures } from '../http/metrics.ts';
import type { Engine } from './engine.ts';

export function registerCheckpointMetrics(
  registry: Registry,
  { checkpointer, proving, replica }: Pick<Engine, 'checkpointer' | 'proving' | 'replica'>,
): void {
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_checkpoint_lag_rows',
    'Rows of the log after the last checkpoint, which a start would replay; all rows if there is none.',
    () => replica.lastLsn - checkpointer.coveredLsn,
  );
  figures.gauge(
    'hearsay_checkpoint_bytes',
    'Size of the last checkpoint that was written since the start; 0 if none was.',
    () => checkpointer.last?.bytes ?? 0,
  );
  figures.gauge(
    'hearsay_checkpoint_duration_seconds',
    'How long the last checkpoint took to be written; 0 if none was since the start.',
    () => (checkpointer.last?.tookMs ?? 0) / 1000,
  );
  figures.total(
    'hearsay_checkpoint_failures_total',
    'Checkpoints that could not be written.',
    () => checkpointer.failures,
  );
  figures.gauge(
    'hearsay_log_proved_ratio',
    'The part of the log whose rows were checked since the start, from 0 to 1.',
    () => proving.share,
  );
}
