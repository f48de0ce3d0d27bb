/**
 * Errors that callers tell apart. Each message is one sentence or two, with the next step.
 *
 * Names are set by hand, because bundlers shorten the names of classes.
 */

export interface ErrorFacts {
  readonly mayBeStored?: boolean;
  readonly cause?: unknown;
}

/**
 * The base of all errors of this library. An abort is no such error: it rejects with the signal's own
 * reason.
 */
export class HearsayError extends Error {
  override readonly name: string = 'HearsayError';
  /**
   * Whether the change may have been made all the same, or may still be made: a node may have carried
   * it out without our hearing of it. Never true for reads.
   */
  readonly mayBeStored: boolean;

  constructor(message: string, { mayBeStored = false, cause }: ErrorFacts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.mayBeStored = mayBeStored;
  }
}

const LAST_PUT_VERSION = Number.MAX_SAFE_INTEGER - 1;

/** The live version does not admit the change: nothing was stored. */
export class ConflictError extends HearsayError {
  override readonly name: string = 'ConflictError';
  readonly key: string;
  /** The version that the key has at the node that answered. */
  readonly currentVersion: number;
  /**
   * Stands for all ops that this node held: a read `after` this token sees the entry that this write
   * met.
   */
  readonly token: string | null;

  constructor(key: string, currentVersion: number, token: string | null) {
    const advice = currentVersion === LAST_PUT_VERSION ? ': it is the last, so delete the key' : '';
    super(
      `${quoted(key)} is at version ${currentVersion}, which does not admit this change${advice}.`,
    );
    this.key = key;
    this.currentVersion = currentVersion;
    this.token = token;
  }
}

/** The entry that `ifMatch` names is not the live one any more: nothing was stored. */
export class PreconditionFailedError extends HearsayError {
  override readonly name: string = 'PreconditionFailedError';
  readonly key: string;
  /** The version that the key has at the node that answered; null if it is absent. */
  readonly currentVersion: number | null;
  /** As in `ConflictError`. */
  readonly token: string | null;

  constructor(key: string, currentVersion: number | null, token: string | null) {
    const present = currentVersion === null ? 'is absent' : 'has another entry';
    super(`${quoted(key)} ${present} now, so that ifMatch does not hold: read it again.`);
    this.key = key;
    this.currentVersion = currentVersion;
    this.token = token;
  }
}

/**
 * An attempt to write went unanswered, a later one met a version that does not admit it, and the entry
 * is not this write. Either the write was never stored, or it was stored and has been overwritten.
 */
export class UnknownOutcomeError extends HearsayError {
  override readonly name: string = 'UnknownOutcomeError';
  readonly key: string;
  /** 0 also if the key is absent. */
  readonly currentVersion: number;

  /** @param currentVersion null if the key is absent. */
  constructor(key: string, currentVersion: number | null, cause?: unknown) {
    const present = currentVersion === null ? 'absent' : `at version ${currentVersion}`;
    super(
      `Whether the write of ${quoted(key)} was stored is unknown: an attempt went unanswered, and ` +
        `the key is ${present} now. Read it before you write again.`,
      { mayBeStored: true, cause },
    );
    this.key = key;
    this.currentVersion = currentVersion ?? 0;
  }
}

/** No node could take the request: none answered, or each was starting, stopping, full or overloaded. */
export class UnavailableError extends HearsayError {
  override readonly name: string = 'UnavailableError';
  /** The wait that the last node asked for, in milliseconds; null if it named none. */
  readonly retryAfterMs: number | null;

  constructor(message: string, facts: ErrorFacts = {}, retryAfterMs: number | null = null) {
    super(message, facts);
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer within `timeoutMs`, or no node had the writes that a read waits for in time. */
export class TimeoutError extends HearsayError {
  override readonly name: string = 'TimeoutError';
}

/** The request is wrong, and would be refused each time: nothing was stored. */
export class InvalidRequestError extends HearsayError {
  override readonly name: string = 'InvalidRequestError';
  /** The status that a node answered; null if the request was not sent. */
  readonly status: number | null;

  constructor(message: string, status: number | null = null, facts: ErrorFacts = {}) {
    super(message, facts);
    this.status = status;
  }
}

/** A node failed, or gave an answer that no node of Hearsay gives. */
export class ServerError extends HearsayError {
  override readonly name: string = 'ServerError';
  /** The status of the answer; null if no answer could be read. */
  readonly status: number | null;

  constructor(message: string, status: number | null, facts: ErrorFacts = {}) {
    super(message, facts);
    this.status = status;
  }
}

/**
 * A value has annotations that can't be applied: a newer or a hostile writer made them. Reading `value`
 * throws it, so that one such entry does not hide the others.
 */
export class UndecodableValueError extends HearsayError {
  override readonly name: string = 'UndecodableValueError';
}

/**
 * Every node has refused to go on from the cursor: it is of another cluster, or names ops that are
 * lost.
 */
export class WatchRefusedError extends HearsayError {
  override readonly name: string = 'WatchRefusedError';
}

/** The client has been closed. */
export class ClosedError extends HearsayError {
  override readonly name: string = 'ClosedError';

  constructor(facts: ErrorFacts = {}) {
    super('The client has been closed.', facts);
  }
}

const LONGEST_SHOWN = 60;

/** A key as messages show it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
}
