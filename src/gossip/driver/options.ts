/** The driver's dependencies: the ports, the settings, and what happens to the files of the log. */
import type { Log } from '../../log/log.ts';
import type { Replica } from '../../replica/replica.ts';
import type { SetAside } from '../../replica/setAside.ts';
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
  /** Logs that earlier rejoins set aside and did not offer to the end. */
  readonly setAside?: readonly SetAside[];
  /** The node can not go on: an invariant is broken or a log can not be opened. */
  readonly fail: (error: unknown) => void;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

/** The logs of the node, as rule 12 changes them. */
export interface LogChanges {
  /** Throws the log away and opens an empty one under a new origin. */
  renew(): Promise<Log>;
  /** Sets the log aside and opens an empty one under a new origin. @returns the name of the old one, too. */
  exchange(): Promise<{ readonly log: Log; readonly asideName: string }>;
  /** Opens a log that was set aside; whoever asked closes it. @returns null where it can't be read. */
  openAside(name: string): Promise<Log | null>;
  /** All that a log held has been offered again. */
  dropAside(name: string): Promise<void>;
}
