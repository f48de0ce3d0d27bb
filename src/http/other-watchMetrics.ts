/** What Prometheus is told of the watches. */
import { Gauge, type Registry } from 'prom-client';
import type { WatchHub } from '../watch/hub/hub.ts';

export function registerWatchMetrics(registry: Registry, hub: WatchHub): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('hearsay_watchers', 'Watchers, slow ones included.', () => hub.size);
  gauge('hearsay_watchers_behind', 'Watchers that have not read to the end.', () => hub.behind);
  gauge('hearsay_resets_total', 'Watchers told to start anew.', () => hub.resets);
}
