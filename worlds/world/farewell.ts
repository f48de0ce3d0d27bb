/** The last that an instance tells the cache: its memory, and that its session is over. */
import { setTimeout as timer } from 'node:timers/promises';
import type { WorldMemory } from '../rules/simulation.ts';
import type { InstanceTables } from '../tables/instanceTables.ts';
import type { Publisher } from './sessionPublisher.ts';

/** The farewell to the cache is a courtesy: sessions end by themselves. */
const LIMIT_MS = 2000;

export interface Farewell {
  /** Disposed of: it begins no write any more. */
  readonly publisher: Pick<Publisher, 'settled'> | null;
  readonly tables: Pick<InstanceTables, 'writeMemory' | 'removeSession'>;
  readonly memory: WorldMemory;
  readonly onFault: (error: unknown) => void;
  /** Resolves after so many milliseconds; by default a timer. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

/** Resolves when all is told, or has failed, and after two seconds at the latest. */
export async function sayFarewell(farewell: Farewell): Promise<void> {
  const { publisher, tables, memory, onFault, wait = timer } = farewell;
  // A write that is under way may reach a node after a removal that was sent later.
  const removed = Promise.resolve(publisher?.settled).then(() => tables.removeSession());
  const told = Promise.all([tables.writeMemory(memory), removed]);
  await Promise.race([told.catch(onFault), wait(LIMIT_MS)]);
}
