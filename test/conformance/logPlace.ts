/** The functions that an adapter must offer for the conformance suite. */
import type { Log } from '../../src/log/log.ts';

export interface OpenOptions {
  readonly clusterName?: string;
  readonly durability?: 'full' | 'normal';
  /** Whether the disk has room for little more than 256 KiB. */
  readonly smallDisk?: boolean;
}

/** One place where a log is kept. */
export interface LogPlace {
  /** Opens the log; the second time it finds what was stored. At most one is open at a time. */
  readonly open: (options?: OpenOptions) => Promise<Log>;
  /** Ends the open log as a killed process would, with no append under way. */
  readonly kill: (log: Log) => Promise<void>;
}

/** Runs with an empty place, and takes it away however the run ends. */
export type WithPlace = (run: (place: LogPlace) => Promise<void>) => Promise<void>;
