/** The second layer and the bus of Bentocache: `hearsay/bentocache`. */
export type { AdapterOptions, Connection } from '../keyspace.ts';
export { HearsayBus, type HearsayBusOptions, hearsayBusDriver } from './bus.ts';
export { HearsayDriver, hearsayDriver } from './driver.ts';
