/** Errors of an embedded node, beside the errors of every node. Each message says what to do. */
import { HearsayError } from '../words/errors.ts';

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

/** A key, a value or an option is wrong, and would be however often it is tried: nothing was stored. */
export class InvalidRequestError extends HearsayError {}

/**
 * A value has annotations of types that can't be applied: a newer writer's, or a hostile one's. It is
 * thrown where `value` is read, so that one such entry does not hide the others.
 */
export class UndecodableValueError extends HearsayError {}

const LONGEST_SHOWN = 60;

function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
}
