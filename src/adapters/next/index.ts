/** Both cache handlers of Next.js, for several servers: `hearsay/next`. */
export type { AdapterOptions, Connection } from '../keyspace.ts';
export {
  type CacheControl,
  createIsrHandler,
  type HearsayIsrOptions,
  type IsrAnswer,
  type IsrContext,
  type IsrHandler,
  type IsrHandlerClass,
  type IsrRead,
  type IsrWrite,
} from './incremental.ts';
export type { Durations, HearsayNextOptions } from './store.ts';
export { type CacheEntry, createCacheHandler, type HearsayCacheHandler } from './useCache.ts';
