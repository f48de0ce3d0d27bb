/** Bentocache over the nodes of `npm start`: memory first, Hearsay second, and Hearsay as the bus. */
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { hearsayBusDriver, hearsayDriver } from 'hearsay/bentocache';
import { createClient } from 'hearsay/client';

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');
const client = createClient({ endpoints });
const shared = bentostore()
  .useL1Layer(memoryDriver({ maxSize: '10mb' }))
  .useL2Layer(hearsayDriver({ client }))
  .useBus(hearsayBusDriver({ client }));
const cache = new BentoCache({ default: 'shared', stores: { shared } });

const load = async () => ({ name: 'Ada' });
console.log(await cache.getOrSet({ key: 'user:1', factory: load, ttl: '10m', tags: ['users'] }));
await cache.deleteByTag({ tags: ['users'] });
await cache.disconnect();
await client.close();
