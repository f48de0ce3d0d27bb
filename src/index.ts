/** The library: a node in your own process. `hearsay/client` is what talks to nodes. */

export { type NodeSettings, readSettings } from './node/settings.ts';
export { type NodeLog, type NodeOptions, type RunningNode, startNode } from './node/startNode.ts';
export {
  CommitFailedError,
  DamagedLogError,
  DiskFullError,
  HearsayError,
  LockedDirectoryError,
  NotWritableError,
  OverloadedError,
  SettingError,
  StoppedError,
  WrongDirectoryError,
} from './words/errors.ts';
