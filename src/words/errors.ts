/** Errors that callers tell apart. Each message is one sentence that says how to go on. */

export class HearsayError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** A bound of the node is reached, by default that of its queue of writes: nothing was stored, try again. */
export class OverloadedError extends HearsayError {
  readonly retryAfterMs: number;
  /** @param what a phrase for the things that have reached their bound. */
  constructor(retryAfterMs: number, what = 'writes that wait') {
    super(`The node has as many ${what} as it may have: try again shortly, or ask another node.`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The node may not write yet (rule 8): it is joining, or catching up after a start. */
export class NotWritableError extends HearsayError {
  readonly retryAfterMs: number;
  constructor(reason: string, retryAfterMs: number) {
    super(`The node takes no writes yet: ${reason}.`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The node does not know the entries of its cluster yet (rule 8): it has not joined. */
export class NotReadableError extends HearsayError {
  readonly retryAfterMs: number;
  constructor(reason: string, retryAfterMs: number) {
    super(`The node can not answer yet: ${reason}.`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The disk is full: the commit was rolled back, and none of it is stored. */
export class DiskFullError extends HearsayError {
  constructor() {
    super('The disk is full: nothing was stored; free space on the node and try again.');
  }
}

/** Keys fill the memory of the node, so that it takes no new key: nothing was stored. */
export class MemoryFullError extends HearsayError {
  constructor() {
    super(
      'Keys fill the memory that --max-memory (MAX_MEMORY) allows, so this node takes no new key: delete ' +
        'keys, or raise it and start the node again.',
    );
  }
}

/** A commit failed in a way that leaves its outcome unknown: the node stops. */
export class CommitFailedError extends HearsayError {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The log could not be written (${reason}): whether the write is stored is unknown.`, {
      cause,
    });
  }
}

/**
 * A commit names an op id that the log holds already, or names one twice: it was decided wrongly, and
 * the disk is sound. None of it is stored.
 */
export class DuplicateOpError extends CommitFailedError {}

/** A peer's snapshot can be of no log: the receiver begins anew, with another peer if there is one. */
export class FalseSnapshotError extends HearsayError {
  constructor(fault: string) {
    super(`The snapshot of a peer can be of no log: ${fault}.`);
  }
}

/** The snapshot of a peer is longer than this node takes: it begins anew, with another peer if there is one. */
export class LongSnapshotError extends HearsayError {
  /** @param maxBytes the bound that is reached. */
  constructor(maxBytes: number) {
    super(
      `The snapshot of a peer has more than ${maxBytes} bytes: if the cluster holds so much, raise ` +
        '--max-snapshot-bytes (MAX_SNAPSHOT_BYTES).',
    );
  }
}

/** The node is stopping: nothing was stored. */
export class StoppedError extends HearsayError {
  /** @param message another sentence, for a caller that has no other node. */
  constructor(message = 'The node is stopping; send the request to another node.') {
    super(message);
  }
}

/** The content of the log is impossible: the node refuses to serve it. */
export class DamagedLogError extends HearsayError {
  readonly file: string;
  readonly fault: string;
  readonly lsn: number | null;
  constructor(file: string, fault: string, lsn: number | null) {
    const place = lsn === null ? '' : ` at lsn ${lsn}`;
    super(
      `The log ${file} is damaged${place}: ${fault}. Move the data directory aside and start the ` +
        'node empty (its peers bring everything that they hold), or restore a backup.',
    );
    this.file = file;
    this.fault = fault;
    this.lsn = lsn;
  }
}

/** The map that was restored from a checkpoint lacks an op of the log. */
export class WrongCheckpointError extends HearsayError {
  constructor(file: string, opId: string, lsn: number) {
    super(
      `The checkpoint of the log ${file} was wrong: the map lacks ${opId} of lsn ${lsn}. The checkpoint was ` +
        'removed; start the node again, and it replays its log.',
    );
  }
}

/** Another process holds the data directory. */
export class LockedDirectoryError extends HearsayError {
  readonly directory: string;
  constructor(directory: string) {
    super(
      `The data directory ${directory} is in use by another process; stop that process or name ` +
        'another directory.',
    );
    this.directory = directory;
  }
}

/**
 * The data directory belongs to another cluster, or to a version of Hearsay that this node can't read.
 */
export class WrongDirectoryError extends HearsayError {}

/** A broken invariant: the node stops before it spreads it. */
export class BrokenInvariantError extends HearsayError {
  constructor(fault: string) {
    super(
      `Hearsay is at fault: ${fault}. Please report this message; the node stops to spread nothing wrong.`,
    );
  }
}

/** A setting with which the node can't start. */
export class SettingError extends HearsayError {}
