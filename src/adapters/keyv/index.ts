/** Stores for Keyv: `hearsay/keyv`. */
export type { AdapterOptions, Connection } from '../keyspace.ts';
export { type KeyvCapabilities, type KeyvEntry, KeyvHearsay } from './keyv.ts';
export { type Keyv5Entry, KeyvHearsay5 } from './keyv5.ts';
