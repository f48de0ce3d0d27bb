/** The options that an instance gets from its process: its configuration, its memory, its ways out, and its times. */
import type { WorldMemory } from '../rules/simulation.ts';
import type { WorldConfiguration } from '../rules/worldConfiguration.ts';
import type { AskToLetGo } from './guests.ts';
import type { PlayerStore } from './keptPlayer.ts';

export interface InstanceTimes {
  readonly saveMs: number;
  /** Between two looks at the seats. */
  readonly seatMs: number;
  /** From the order to drain until all are sent away. */
  readonly drainMs: number;
  /** The longest wait for saves before the end. */
  readonly flushMs: number;
  /** The longest wait for the record of a player who connects, once the older seat elsewhere has let go. */
  readonly loadMs: number;
}

export const INSTANCE_TIMES: InstanceTimes = {
  saveMs: 5000,
  seatMs: 500,
  drainMs: 30_000,
  flushMs: 10_000,
  loadMs: 4000,
};

export interface WorldInstanceOptions {
  readonly world: string;
  readonly instance: string;
  readonly configuration: Pick<WorldConfiguration, 'map' | 'maxPlayers'>;
  readonly memory: WorldMemory;
  readonly store: PlayerStore;
  /** UTC milliseconds. */
  readonly now: () => number;
  readonly askToLetGo: AskToLetGo;
  readonly isRevoked: (subject: string) => boolean;
  /** The seats or the state have changed. */
  readonly onChange: () => void;
  readonly onFault: (error: unknown) => void;
  /** @param lateMs how late a tick came, in milliseconds. */
  readonly onTick?: (lateMs: number) => void;
  /** A player comes, or has lost the seat to a newer one elsewhere. */
  readonly onPlayer?: (event: 'connects' | 'displaced', player: string) => void;
  readonly times?: InstanceTimes;
}
