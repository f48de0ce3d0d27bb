/** The metrics of an instance. */
import type { Metrics } from '../process/metrics.ts';
import type { InstanceName } from '../tables/instanceTables.ts';
import type { WorldInstance } from './worldInstance.ts';

/** Up to a tick, which is 50 ms, and then far beyond it. */
const LATE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1];
const SAVE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** @returns takes the lateness of a tick, and the time of a save, in milliseconds. */
export function worldDurations(metrics: Metrics): {
  readonly onTick: (lateMs: number) => void;
  readonly onSaved: (ms: number) => void;
} {
  return {
    onTick: metrics.secondsOften(
      'worlds_tick_late_seconds',
      'How late each tick of the simulation came.',
      LATE_BUCKETS,
    ),
    onSaved: metrics.seconds(
      'worlds_save_seconds',
      'Time until a save was answered.',
      SAVE_BUCKETS,
    ),
  };
}

export interface MeasuredWorld {
  readonly name: InstanceName;
  readonly instance: WorldInstance;
  readonly saves: () => Readonly<Record<string, number>>;
  readonly connections: () => number;
  /** Connections that were refused because there were too many. */
  readonly refusedConnections: () => number;
}

export function registerWorldMetrics(
  metrics: Metrics,
  { name, instance, saves, connections, refusedConnections }: MeasuredWorld,
): void {
  metrics.info('worlds_instance_info', 'Always 1; its labels name the instance.', {
    region: name.region,
    world: name.world,
    slot: String(name.slot),
    epoch: String(name.epoch),
  });
  metrics.gauges('worlds_seats', 'Seats that are taken, by state.', 'state', () => {
    const { taken, reserved, held } = instance.counts;
    return { reserved, held, seated: taken - reserved - held };
  });
  metrics.gauge(
    'worlds_seats_max',
    'Most seats, as the configuration says.',
    () => instance.maxPlayers,
  );
  metrics.gauge('worlds_draining', '1 while the instance takes nobody new.', () =>
    Number(instance.state === 'draining'),
  );
  metrics.totals(
    'worlds_reservations_total',
    'Seats that were asked for, by result; `same`: the player had one.',
    'result',
    () => instance.reservations,
  );
  metrics.totals(
    'worlds_closed_total',
    'Connections that the instance has closed, by reason.',
    'reason',
    () => instance.closings,
  );
  metrics.gauge('worlds_connections', 'Open connections of players.', connections);
  metrics.total(
    'worlds_connections_refused_total',
    'Connections that were refused because there were too many.',
    refusedConnections,
  );
  metrics.total(
    'worlds_ticks_skipped_total',
    'Ticks that were left out after a long stop.',
    () => instance.game.skippedTicks,
  );
  metrics.total(
    'worlds_sent_bytes_total',
    'Bytes of frames that were sent.',
    () => instance.game.sentBytes,
  );
  metrics.totals(
    'worlds_saves_total',
    'Saves of records, by result; `refused`: the record has a greater version.',
    'result',
    saves,
  );
  metrics.gauge(
    'worlds_unsaved_players',
    'Players whose gain no node is known to have.',
    () => instance.unsaved,
  );
  metrics.total(
    'worlds_displaced_total',
    'Seats that were lost to newer ones elsewhere.',
    () => instance.displaced,
  );
}
