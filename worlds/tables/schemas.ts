/**
 * The forms of all values that worlds keeps in the cache. A value that does not parse is as if absent,
 * and counted: a newer or a faulty writer stops nobody.
 */
import { z } from 'zod';
import type { OnceRecord } from '../rules/idempotency.ts';
import type { PlayerRecord } from '../rules/progress.ts';
import type { WorldMemory } from '../rules/simulation.ts';
import {
  INSTANCE_STATES,
  MAP_NAMES,
  WANTED_STATES,
  type WorldConfiguration,
} from '../rules/worldConfiguration.ts';

const count = z.int().min(0);
/** A name in a key: it holds no slash. */
export const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/);
export const playerSchema = z.string().regex(/^p[a-z0-9]{20,40}$/);

export const MAX_PLAYERS = 200;
export const MAX_INSTANCES = 100;

const configurationShape = {
  name: z.string().min(1).max(40),
  map: z.enum(MAP_NAMES),
  maxPlayers: z.int().min(1).max(MAX_PLAYERS),
  mode: z.enum(['static', 'dynamic']),
  minInstances: z.int().min(0).max(MAX_INSTANCES),
  maxInstances: z.int().min(1).max(MAX_INSTANCES),
  spareSeats: z.int().min(0).max(MAX_PLAYERS),
  desired: z.enum(WANTED_STATES),
  restartEveryHours: z.number().positive().max(10_000).nullable(),
};

const hasBoundsInOrder = (configuration: WorldConfiguration): boolean =>
  configuration.minInstances <= configuration.maxInstances;
const ORDER_FAULT = { path: ['minInstances'], message: 'must not be above maxInstances' };

/** As operators send it. */
export const wantedConfigurationSchema = z
  .strictObject(configurationShape)
  .refine(hasBoundsInOrder, ORDER_FAULT) satisfies z.ZodType<WorldConfiguration>;

export const configurationSchema = z
  .strictObject({ v: z.literal(1), ...configurationShape })
  .refine(hasBoundsInOrder, ORDER_FAULT) satisfies z.ZodType<WorldConfiguration>;

export const sessionSchema = z.object({
  v: z.literal(1),
  slot: z.int().min(1),
  epoch: z.int().min(1),
  state: z.enum(INSTANCE_STATES),
  playUrl: z.url(),
  controlUrl: z.url(),
  max: count,
  taken: count,
  reserved: count,
  held: count,
  tickLateMs: z.number().min(0),
  /** Version of the configuration by which the instance runs. */
  config: count,
});

export const rosterSchema = z.object({
  v: z.literal(1),
  players: z.array(playerSchema).max(MAX_PLAYERS * 2),
});

const position = z.object({ x: z.int(), y: z.int() });

export const playerRecordSchema = z.object({
  v: z.literal(1),
  position,
  coins: count,
  milestone: count,
  distance: count,
  playedMs: count,
  visits: count,
  world: nameSchema,
  instance: z.string().max(80),
  savedAtMs: count,
}) satisfies z.ZodType<PlayerRecord>;

export const memorySchema = z.object({
  v: z.literal(1),
  seed: count,
  tick: count,
  takings: z.array(count).max(1000),
}) satisfies z.ZodType<WorldMemory>;

export const revocationSchema = z.object({
  v: z.literal(1),
  reason: z.enum(['logout', 'erased', 'operator', 'reuse']),
});

export const onceSchema = z.object({
  v: z.literal(1),
  fingerprint: z.string().max(200),
  region: nameSchema,
  world: nameSchema,
  instance: z.string().max(80),
}) satisfies z.ZodType<OnceRecord>;

export type StoredConfiguration = z.output<typeof configurationSchema>;
export type Session = z.output<typeof sessionSchema>;
export type Roster = z.output<typeof rosterSchema>;
export type StoredPlayer = z.output<typeof playerRecordSchema>;
export type StoredMemory = z.output<typeof memorySchema>;
export type Revocation = z.output<typeof revocationSchema>;
export type StoredOnce = z.output<typeof onceSchema>;
