/** Sends all players of a region to the others: by the configurations of its worlds, which maintenance follows. */
import type { ConfiguredWorld } from './maintenancePlan.ts';
import type { WorldConfiguration } from './worldConfiguration.ts';

/** `running`: the region is taken into use again. */
export type EvacuationState = 'drained' | 'running';

export interface EvacuationChange {
  readonly world: string;
  /** Of the configuration that is replaced. */
  readonly version: number;
  readonly configuration: WorldConfiguration;
}

/** A world that was stopped stays so, and one whose configuration does not parse is left as it is. */
export function evacuationChanges(
  worlds: readonly ConfiguredWorld[],
  wanted: EvacuationState,
): EvacuationChange[] {
  return worlds.flatMap(({ world, version, configuration }) => {
    if (configuration === null) return [];
    const { desired } = configuration;
    if (desired === wanted || desired === 'stopped') return [];
    return [{ world, version, configuration: { ...configuration, desired: wanted } }];
  });
}
