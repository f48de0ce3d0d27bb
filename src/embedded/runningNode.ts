/** An embedded node as the program around it sees it. Only types, none of which names the node's inside. */
import type { Entry } from './entry.ts';
import type { DeleteOptions, ListOptions, PutOptions } from './requests.ts';

/** Gets what the node tells people; pino's and winston's loggers are such, and so is `console`. */
export interface NodeLogger {
  info(message: string): void;
  warn(message: string): void;
  /** An error that nobody planned; `details.err` is the error. */
  error(details: object, message: string): void;
}

export interface StartOptions {
  /** Default: none, the node is silent. */
  readonly logger?: NodeLogger | undefined;
}

export interface Stored {
  readonly version: number;
  /** Null where it never expires. */
  readonly expiresAt: Date | null;
  /** Stands for this write: a client's read `after` it sees it on any node. */
  readonly token: string;
}

export interface Deleted {
  readonly token: string;
}

export interface RunningNode extends AsyncDisposable {
  /** Its name in answers and logs. */
  readonly nodeId: string;
  /** Where it listens: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** The log that this node's writes are born in; another one after it began anew. */
  readonly origin: string;
  /**
   * Resolves once the node may be read and written, which with other nodes takes until it has heard them,
   * at most `joinTimeoutMs` where none answers. Rejects where the node fails or is closed before that.
   */
  readonly ready: Promise<void>;
  /** Whether it may be read and written now. It may not for a while where it has to begin anew. */
  readonly isReady: boolean;
  /** Rejects once the node can not go on, with the reason; it never resolves. Close the node then. */
  readonly failure: Promise<never>;

  /**
   * Reads from memory.
   *
   * @param key any Unicode, at most `limits.maxKeyBytes` bytes of UTF-8 (1,024).
   * @returns undefined where the key is absent: never written, deleted or expired.
   * @throws NotReadableError while the node does not know what its cluster holds, StoppedError once it is
   *   closed, InvalidRequestError for what is no key.
   */
  get<T = unknown>(key: string): Entry<T> | undefined;

  /**
   * Live entries in the order of their keys, from memory. A loop that waits in between goes on after the
   * last key that it saw, in the state of that moment.
   *
   * @throws as `get` does.
   */
  list<T = unknown>(options?: ListOptions): Generator<Entry<T>, void, undefined>;

  /**
   * Stores a value: JSON, and what superjson adds to it (Date, Map, Set, BigInt, undefined, NaN, RegExp,
   * URL, Error, typed arrays). Resolves once it is as durable as `durability` says.
   *
   * @param value at most `limits.maxBodyBytes` bytes of JSON (1 MiB).
   * @throws ConflictError where the version is not above the live one; InvalidRequestError; NotWritableError,
   *   OverloadedError, DiskFullError, StoppedError: nothing is stored.
   * @throws CommitFailedError where it is unknown whether it is stored; the node then fails.
   */
  put(key: string, value: unknown, options?: PutOptions): Promise<Stored>;

  /**
   * Deletes a key, present or not.
   *
   * @throws ConflictError where the live version is above `upToVersion`, else as `put` does.
   */
  delete(key: string, options?: DeleteOptions): Promise<Deleted>;

  /** Stops serving, tells the peers, and closes the log. What was answered is stored. */
  close(): Promise<void>;
}
