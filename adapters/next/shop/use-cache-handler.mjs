import { createCacheHandler } from 'hearsay/next';
import { client } from './hearsay.mjs';

export default createCacheHandler({ client, prefix: 'shop:' });
