/** Settings: what a node keeps, where, and for how long. */
import { choice, duration, setting, sizeOrNone } from '../settingKinds.ts';
import { path } from './texts.ts';

export const storageRows = {
  dataDir: setting(path(), {
    default: './data',
    placeholder: 'directory',
    allowed: 'the path of a directory',
    help: "directory of this node's log; the node makes it if it is missing",
  }),
  durability: choice(['full', 'normal'], {
    default: 'full',
    help: 'full: an answered write survives a power cut; normal: only a crash of the process',
  }),
  maxMemory: sizeOrNone('4MiB', '1024GiB', {
    default: null,
    help: 'most bytes of keys, values and indexes in memory; beyond it, the coldest values are read from the disk',
  }),
  retentionMs: duration('1s', '3650d', {
    default: '24h',
    help: 'how long the log keeps ops that were overwritten or deleted, or have expired',
  }),
  checkpointIntervalMs: duration('0ms', '365d', {
    default: '5m',
    help: 'how often a node writes its entries into a file that the next start reads in place of the log; 0: never',
  }),
};
