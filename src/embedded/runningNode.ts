/**
 * An embedded node as the program around it sees it. These are types only, and none names the node's
 * inside.
 */
import type { WatchEvent } from '../client/watch/watchEvents.ts';
import type { Entry } from './entry.ts';
import type { DeleteOptions, ListOptions, PutOptions, WatchOptions } from './requests.ts';

export type {
  DeleteEvent,
  ExpireEvent,
  KeyEvent,
  PutEvent,
  StreamEvent,
  WatchEvent,
} from '../client/watch/watchEvents.ts';

/** Gets the node's messages to people; loggers of pino and winston fit, and so does `console`. */
export interface NodeLogger {
  /** @param details the message for machines: `event`, and what it is about. */
  info(message: string, details?: object): void;
  warn(message: string, details?: object): void;
  /** An error that nobody planned; `details.err` holds the error. */
  error(details: object, message: string): void;
}

export interface StartOptions {
  /** Default: none, and the node is silent. */
  readonly logger?: NodeLogger | undefined;
}

export interface Stored {
  readonly version: number;
  /** Null if the entry never expires. */
  readonly expiresAt: Date | null;
  /** Stands for this write: a client's read `after` this token sees the write on any node. */
  readonly token: string;
}

export interface Deleted {
  /** Whether the key was live. */
  readonly existed: boolean;
  readonly token: string;
}

/** The events of one watch. It can be used once. */
export interface NodeEvents<T = unknown>
  extends AsyncIterableIterator<WatchEvent<T>, undefined>,
    AsyncDisposable {
  /** The place after the last event that was taken: a watch goes on from it, on any node. */
  readonly cursor: string | null;
  close(): Promise<void>;
}

/** A node that serves the REST interface too. */
export interface RunningNode extends OpenNode {
  /** The URL at which the node listens, such as `http://127.0.0.1:8000`. */
  readonly url: string;
}

export interface OpenNode extends AsyncDisposable {
  /** The node's name in answers and logs. */
  readonly nodeId: string;
  /** The URL of its REST interface; null if it serves none. */
  readonly url: string | null;
  /** The URL at which it listens for peers alone; null if there is no such port. */
  readonly peerUrl: string | null;
  /** The log that this node's writes are born in. It changes when the node rejoins. */
  readonly origin: string;
  /**
   * Resolves once the node may be read and written. With other nodes configured, this takes until the
   * node has heard them, at most `joinTimeoutMs` if none answers. Rejects if the node fails or is closed
   * before that.
   */
  readonly ready: Promise<void>;
  /** Whether the node may be read and written now. It is false for a while if the node has to rejoin. */
  readonly isReady: boolean;
  /** Rejects with the reason once the node can't go on; it never resolves. Close the node then. */
  readonly failure: Promise<never>;

  /**
   * Reads from memory.
   *
   * @param key any Unicode text, at most `limits.maxKeyBytes` bytes of UTF-8 (default 1,024).
   * @returns undefined if the key is absent: never written, deleted or expired.
   * @throws NotReadableError while the node does not know the entries of its cluster, StoppedError once
   *   it is closed, InvalidRequestError for a malformed key, ColdValueError if the value is not in memory:
   *   only with `maxMemory`.
   */
  get<T = unknown>(key: string): Entry<T> | undefined;

  /**
   * Reads from memory, or from the disk if memory has no room for the value.
   *
   * @throws the errors of `get` but ColdValueError; OverloadedError if `limits.maxColdReads` reads wait for
   *   the disk.
   */
  read<T = unknown>(key: string): Promise<Entry<T> | undefined>;

  /**
   * Gives the live entries in the order of their keys, from memory. If the loop waits in between, the
   * iteration goes on after the last key that it gave, in the map of that moment.
   *
   * @throws the errors of `get`.
   */
  list<T = unknown>(options?: ListOptions): Generator<Entry<T>, void, undefined>;

  /** As `list`, also with values that are not in memory. @throws the errors of `read`. */
  readList<T = unknown>(options?: ListOptions): AsyncGenerator<Entry<T>, void, undefined>;

  /**
   * Stores a value: JSON, and the types that superjson adds (Date, Map, Set, BigInt, undefined, NaN,
   * RegExp, URL, Error, typed arrays). Resolves once the op is as durable as `durability` says.
   *
   * @param value at most `limits.maxBodyBytes` bytes of JSON (default 1 MiB).
   * @throws ConflictError if the version is not above the live one; InvalidRequestError;
   *   NotWritableError, OverloadedError, DiskFullError, StoppedError: nothing is stored.
   * @throws CommitFailedError if the outcome is unknown; the node then fails.
   */
  put(key: string, value: unknown, options?: PutOptions): Promise<Stored>;

  /**
   * Gives a live entry another time to live; its value and version stay.
   *
   * @param ttlMs from now on, 1 to 10^13 milliseconds; null: the entry never expires.
   * @returns undefined if the key is absent. @throws the errors of `put`, except ConflictError.
   */
  touch(key: string, ttlMs: number | null): Promise<Stored | undefined>;

  /**
   * Deletes a key, present or not.
   *
   * @throws ConflictError if the live version is above `upToVersion`, and the errors of `put`.
   */
  delete(key: string, options?: DeleteOptions): Promise<Deleted>;

  /**
   * Gives every change of the keys with a prefix, from now on or from a cursor, as `client.watch` does. The
   * node's log is the buffer: a program that takes events slowly costs no memory, and may be told only the last
   * change of a key. Leaving the loop ends it; it also ends when the node is closed.
   *
   * @throws NotReadableError, StoppedError, OverloadedError if `limits.maxWatchers` watch already,
   *   InvalidRequestError for a wrong option. Its `next` rejects with InvalidRequestError for a cursor from which
   *   this node can't go on.
   */
  watch<T = unknown>(options?: WatchOptions): NodeEvents<T>;

  /** Stops serving, tells the peers, and closes the log. Every answered write is stored. */
  close(): Promise<void>;
}
