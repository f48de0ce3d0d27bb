/** A driver for unstorage, and so for Nitro and Nuxt: `hearsay/unstorage`. */
export type { AdapterOptions, Connection } from '../keyspace.ts';
export { type HearsayDriver, type HearsayDriverOptions, hearsayDriver } from './driver.ts';

import { hearsayDriver } from './driver.ts';

/** Nitro imports a driver by its path, and takes the default export. */
export default hearsayDriver;
