/** The library: a node in your own process. `hearsay/client` is what talks to nodes. */
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
} from './errors.ts';
export { type NodeLog, type NodeOptions, type RunningNode, startNode } from './node.ts';
export { type NodeSettings, readSettings } from './settings.ts';
