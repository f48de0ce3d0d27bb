/** Dependencies of the watch hub. */

import type { Replica } from '../../replica/replica.ts';
import type { Limits } from '../../words/limits.ts';
import type { DeliveryTimers } from './deliveryPace.ts';

export interface WatchHubOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  /** The greatest difference between the clocks of two nodes, in milliseconds. */
  readonly maxClockSkewMs: number;
  /** Calls the function in a later turn of the event loop, so that a long catch-up delays nobody. */
  readonly defer: (next: () => void) => void;
  readonly timers: DeliveryTimers;
  /** The amount that one step of catching up reads; only tests give it. */
  readonly pages?: WatchPages;
}

export interface WatchPages {
  readonly rows: number;
  readonly entries: number;
}
