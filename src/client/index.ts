/** The client library: `hearsay/client`. The same code runs in Node 22 and newer, and in browsers. */
export type { BatchOp, BatchOptions, BatchResult, BatchResults, Refusal } from './batch.ts';
export {
  createClient,
  type DeletePrefixOptions,
  type GetOptions,
  HearsayClient,
  type ReplicaOptions,
} from './client.ts';
export type { Entry } from './entry.ts';
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
export type { ListOptions } from './list.ts';
export type { Deleted, DeleteOptions, PutOptions, Stored } from './ops.ts';
export type { ClientOptions } from './options.ts';
export { Replica } from './replica.ts';
export type { ReplicaChange } from './replicaListeners.ts';
export type { Change, Updated, UpdateOptions } from './update.ts';
export { Watch, type WatchOptions } from './watch.ts';
export type {
  DeleteEvent,
  ExpireEvent,
  KeyEvent,
  PutEvent,
  StreamEvent,
  WatchEvent,
} from './watchEvents.ts';
export type { ConnectionState } from './watchRunner.ts';
