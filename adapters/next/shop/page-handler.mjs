import { createIsrHandler } from 'hearsay/next';
import { client } from './hearsay.mjs';

export default createIsrHandler({ client, prefix: 'shop:' });
