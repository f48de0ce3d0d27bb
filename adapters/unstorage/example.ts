/** unstorage over the nodes of `npm start`: what one process sets, the others are told. */
import hearsayDriver from 'hearsay/unstorage';
import { createStorage } from 'unstorage';

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');
const storage = createStorage({ driver: hearsayDriver({ endpoints, ttl: 3600 }) });

const stop = await storage.watch((event, key) => console.log(event, key));
await storage.setItem('users:1', { name: 'Ada' });
console.log(await storage.getItem('users:1'), await storage.getKeys('users'));
await stop();
await storage.dispose();
