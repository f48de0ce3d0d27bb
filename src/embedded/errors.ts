/** Errors of an embedded node, beside the errors of every node. Each message says how to go on. */
import { HearsayError, StoppedError } from '../words/errors.ts';

/** The live version does not admit the change: nothing was stored. */
export class ConflictError extends HearsayError {
  readonly key: string;
  /** The version that the key has at this node. */
  readonly currentVersion: number;

  constructor(key: string, currentVersion: number) {
    super(
      `${quoted(key)} is at version ${currentVersion}, which does not admit this change: read it again, ` +
        'or delete it.',
    );
    this.key = key;
    this.currentVersion = currentVersion;
  }
}

/** The value is not in memory, which has a bound: read it with `read`, or the list with `readList`. */
export class ColdValueError extends HearsayError {
  readonly key: string;

  constructor(key: string) {
    super(
      `The value of ${quoted(key)} is not in memory, because maxMemory bounds that: await read(key), or ` +
        'iterate over readList() with for await.',
    );
    this.key = key;
  }
}

/** A key, a value or an option is wrong, and would be refused each time: nothing was stored. */
export class InvalidRequestError extends HearsayError {}

/**
 * A value has annotations that can't be applied: a newer or a hostile writer made them. Reading `value`
 * throws it, so that one such entry does not hide the others.
 */
export class UndecodableValueError extends HearsayError {}

/** For a program that goes on with a node after its `close`: it may have no other node to ask. */
export const closedError = (): StoppedError =>
  new StoppedError('This node was closed in this process: start or open it again to go on.');

const LONGEST_SHOWN = 60;

function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
}
