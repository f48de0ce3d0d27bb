/**
 * The library: a node in your own process (docs/embedding.md). A program that talks to nodes takes
 * `hearsay/client`.
 */

export { Bytes, type Entry } from './embedded/entry.ts';
export { readSettings } from './embedded/environment.ts';
export {
  ColdValueError,
  ConflictError,
  InvalidRequestError,
  UndecodableValueError,
} from './embedded/errors.ts';
export { openNode, startNode } from './embedded/openNode.ts';
export type {
  DeleteOptions,
  ListOptions,
  PutOptions,
  WatchOptions,
} from './embedded/requests.ts';
export type {
  Deleted,
  DeleteEvent,
  ExpireEvent,
  KeyEvent,
  NodeEvents,
  NodeLogger,
  OpenNode,
  PutEvent,
  RunningNode,
  StartOptions,
  Stored,
  StreamEvent,
  WatchEvent,
} from './embedded/runningNode.ts';
export type { GivenLimits, GivenSettings, NodeSettings } from './node/nodeSettings.ts';
export {
  CommitFailedError,
  DamagedLogError,
  DiskFullError,
  HearsayError,
  LockedDirectoryError,
  MemoryFullError,
  NotReadableError,
  NotWritableError,
  OverloadedError,
  SettingError,
  StoppedError,
  WrongDirectoryError,
} from './words/errors.ts';
export type { Limits } from './words/limits.ts';
