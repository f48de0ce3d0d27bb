/** The driver's dependencies: the ports, the settings, and the changes to the files of the log. */

import type { Log } from '../../log/log.ts';
import type { Replica } from '../../replica/replica.ts';
import type { SetAside } from '../../replica/setAside.ts';
import type { Note } from '../../words/note.ts';
import type { Random } from '../../words/random.ts';
import type { Tracer } from '../../words/trace.ts';
import type { CoreSettings } from '../protocol/inputOutput.ts';
import type { Transport } from '../transport.ts';

export interface DriverOptions {
  readonly replica: Replica;
  readonly transport: Transport;
  readonly settings: CoreSettings;
  readonly random: Random;
  /**
   * Milliseconds that go on evenly while wall clocks are set, for measuring intervals. Default: the
   * replica's clock.
   */
  readonly steadyMs?: () => number;
  /** Settles once other work that waits for the thread has had its turn. */
  readonly pause: () => Promise<void>;
  /** The logger of the node. */
  readonly note: Note;
  /** Called once for each pull that was answered by a delta. @param durationMs until its ops were in the log. */
  readonly pulled?: (durationMs: number) => void;
  /** By default nothing is traced. */
  readonly tracer?: Tracer;
  /** Draws a random id for a new cluster. */
  readonly newId: () => string;
  /** Draws a new origin for this node. */
  readonly newOrigin: () => string;
  readonly logs: LogChanges;
  /** Logs that earlier rejoins set aside, and that are still there. */
  readonly setAside?: readonly SetAside[];
  /**
   * As compaction has it, in milliseconds: so long after a retirement a member may be on its way back. Default: 0, as if
   * none could be.
   */
  readonly holdMs?: number;
  /** The node can't go on: an invariant is broken, or a log can't be opened. */
  readonly fail: (error: unknown) => void;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

/** The logs of the node, as rule 12 changes them. */
export interface LogChanges {
  /**
   * Throws the log away and opens an empty one under a new origin. Like `exchange` it may be called again
   * after a DiskFullError.
   */
  renew(): Promise<Log>;
  /** Sets the log aside and opens an empty one under a new origin. @returns the name of the old one, too. */
  exchange(): Promise<{ readonly log: Log; readonly asideName: string }>;
  /** Opens a log that was set aside; the caller closes it. @returns null if it can't be read. */
  openAside(name: string): Promise<Log | null>;
  /** All ops of the old log have been offered. */
  dropAside(name: string): Promise<void>;
}
