/** The wanted state of a world, as an operator sets it. */
export interface WorldConfiguration {
  readonly name: string;
  readonly map: MapName;
  /** Of each instance: 1 to 200. */
  readonly maxPlayers: number;
  /** A static world has one instance, a dynamic one as many as its players need. */
  readonly mode: 'static' | 'dynamic';
  readonly minInstances: number;
  readonly maxInstances: number;
  /** Free seats that a dynamic world keeps ready. */
  readonly spareSeats: number;
  readonly desired: WantedState;
  /** Hours after which an instance is drained and started anew; null: never. */
  readonly restartEveryHours: number | null;
}

/**
 * `drained`: players are sent elsewhere and have 30 s. `stopped`: all is saved, and the world ends at
 * once.
 */
export const WANTED_STATES = ['running', 'drained', 'stopped'] as const;

export type WantedState = (typeof WANTED_STATES)[number];

export const MAP_NAMES = ['meadow', 'harbour', 'summit'] as const;

export type MapName = (typeof MAP_NAMES)[number];

/** The states of an instance, as its session tells them. */
export const INSTANCE_STATES = ['starting', 'active', 'draining'] as const;

export type InstanceState = (typeof INSTANCE_STATES)[number];
