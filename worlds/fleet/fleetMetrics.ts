/** The metrics of a fleet. */
import type { AuditLog } from '../access/audit.ts';
import type { Metrics } from '../process/metrics.ts';
import { Tally } from '../process/tally.ts';
import type { SlotView } from '../rules/maintenancePlan.ts';
import type { Fleet } from './fleet.ts';
import type { Links } from './links.ts';

export interface MeasuredFleet {
  readonly fleet: Pick<Fleet, 'views' | 'steps'>;
  readonly links: Pick<Links, 'open' | 'refused'>;
  readonly audit: Pick<AuditLog, 'lines'>;
  readonly maxProcesses: number;
}

const STATES: readonly SlotView['state'][] = ['starting', 'running', 'draining', 'ended'];

export function registerFleetMetrics(
  metrics: Metrics,
  { fleet, links, audit, maxProcesses }: MeasuredFleet,
): void {
  metrics.gauges('worlds_instances', 'Slots of the region, by state.', 'state', () => {
    const states = new Tally(STATES);
    for (const { state } of fleet.views()) states.add(state);
    return states.counts;
  });
  metrics.gauge(
    'worlds_instances_max',
    'Most slots that have or want a process.',
    () => maxProcesses,
  );
  metrics.totals(
    'worlds_instance_steps_total',
    'Processes that were started, asked to drain, killed, or seen to be gone.',
    'step',
    () => fleet.steps,
  );
  metrics.gauge('worlds_links', 'Connections of worlds to the fleet.', () => links.open);
  metrics.total(
    'worlds_links_refused_total',
    'Connections of worlds that were refused because there were too many.',
    () => links.refused,
  );
  metrics.total('worlds_audit_lines_total', 'Lines of the audit log.', () => audit.lines);
}
