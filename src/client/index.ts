/// <reference lib="esnext.disposable" preserve="true" />
/** The client library: `hearsay/client`. The same code runs in Node 22 and newer, and in browsers. */

export type { GetOrSetOptions, LockOptions } from './cached/getOrSetOptions.ts';
export type { Load } from './cached/loads.ts';
export type { TokenSource } from './calls/accessTokens.ts';
export type { BatchOp, BatchOptions, BatchResult, BatchResults, Refusal } from './calls/batch.ts';
export type { Entry } from './calls/entry.ts';
export type { GetManyOptions } from './calls/getMany.ts';
export type { LevelEntry, LevelOptions, LevelPrefix, ListOptions } from './calls/list.ts';
export type {
  Deleted,
  DeleteOptions,
  PutOptions,
  Stored,
  TaggedPutOptions,
  Touched,
} from './calls/ops.ts';
export type { Change, Updated, UpdateOptions } from './calls/update.ts';
export {
  createClient,
  type DeletePrefixOptions,
  type GetOptions,
  HearsayClient,
  type MirrorOptions,
  /** @deprecated `MirrorOptions`, under the name that it had in 0.1. */
  type MirrorOptions as ReplicaOptions,
  type TouchOptions,
} from './client.ts';
export {
  type Added,
  Counter,
  type CounterOptions,
  type CounterReadOptions,
} from './counter/counter.ts';
export {
  ClosedError,
  ConflictError,
  HearsayError,
  InvalidRequestError,
  PreconditionFailedError,
  ServerError,
  TimeoutError,
  UnavailableError,
  UndecodableValueError,
  UnknownOutcomeError,
  WatchRefusedError,
} from './errors.ts';
export type { ClientOptions } from './options.ts';
export {
  Mirror,
  /** @deprecated `Mirror`, under the name that it had in 0.1. */
  Mirror as Replica,
} from './replica/mirror.ts';
export type {
  MirrorChange,
  /** @deprecated `MirrorChange`, under the name that it had in 0.1. */
  MirrorChange as ReplicaChange,
} from './replica/mirrorListeners.ts';
export type { Invalidated, InvalidateTagOptions } from './tags/tagOptions.ts';
export type { LastInvalidation } from './tags/tags.ts';
export { Bytes } from './values/bytes.ts';
export { JsonText } from './values/values.ts';
export { Watch, type WatchOptions } from './watch/watch.ts';
export type {
  DeleteEvent,
  ExpireEvent,
  KeyEvent,
  PutEvent,
  StreamEvent,
  TouchEvent,
  WatchEvent,
} from './watch/watchEvents.ts';
export type { ConnectionState } from './watch/watchRunner.ts';
