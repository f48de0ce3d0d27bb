/** The client library: `hearsay/client`. The same code runs in Node 22 and newer, and in browsers. */
export type { BatchOp, BatchOptions, BatchResult, BatchResults, Refusal } from './calls/batch.ts';
export type { Entry } from './calls/entry.ts';
export type { ListOptions } from './calls/list.ts';
export type { Deleted, DeleteOptions, PutOptions, Stored } from './calls/ops.ts';
export type { Change, Updated, UpdateOptions } from './calls/update.ts';
export {
  createClient,
  type DeletePrefixOptions,
  type GetOptions,
  HearsayClient,
  type ReplicaOptions,
} from './client.ts';
export {
  ClosedError,
  ConflictError,
  HearsayError,
  InvalidRequestError,
  ServerError,
  TimeoutError,
  UnavailableError,
  UndecodableValueError,
  UnknownOutcomeError,
  WatchRefusedError,
} from './errors.ts';
export type { ClientOptions } from './options.ts';
export { Replica } from './replica/localCopy.ts';
export type { ReplicaChange } from './replica/replicaListeners.ts';
export { Watch, type WatchOptions } from './watch/watch.ts';
export type {
  DeleteEvent,
  ExpireEvent,
  KeyEvent,
  PutEvent,
  StreamEvent,
  WatchEvent,
} from './watch/watchEvents.ts';
export type { ConnectionState } from './watch/watchRunner.ts';
