/** The driver's dependencies: the ports, the settings, and what happens to the files of the log. */
import type { Log } from '../../log/log.ts';
import type { SetAside } from '../../replica/offer.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Random } from '../../words/random.ts';
import type { CoreSettings } from '../protocol/inputOutput.ts';
import type { Transport } from '../transport.ts';

export interface DriverOptions {
  readonly replica: Replica;
  readonly transport: Transport;
  readonly settings: CoreSettings;
  readonly random: Random;
  /**
   * Milliseconds that go on evenly while wall clocks are set: what intervals are measured by. The
   * replica's clock where it is not given.
   */
  readonly steadyMs?: () => number;
  /** Settles once what else waits for the thread has had its turn. */
  readonly pause: () => Promise<void>;
  /** For the node's own log. */
  readonly note: (level: 'info' | 'warn', text: string) => void;
  /** A new random id, of a cluster. */
  readonly newId: () => string;
  /** A new origin for this node. */
  readonly newOrigin: () => string;
  readonly logs: LogChanges;
  /** Entries that an earlier rejoin set aside and did not offer again yet. */
  readonly setAside?: readonly SetAside[];
  /** The node can not go on: an invariant is broken or a log can not be opened. */
  readonly fail: (error: unknown) => void;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

/** The files of the log, as rule 12 exchanges them. */
export interface LogChanges {
  /**
   * Closes the log and opens an empty one under a new origin.
   *
   * @param keep whether the old one is set aside until `dropSetAside`, or thrown away.
   */
  renew(keep: boolean): Promise<Log>;
  /** All entries that were set aside are offered again. */
  dropSetAside(): Promise<void>;
}
