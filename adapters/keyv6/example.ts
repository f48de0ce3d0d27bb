/** Keyv 6 over the nodes of `npm start`. */
import { KeyvHearsay } from 'hearsay/keyv';
import Keyv from 'keyv';

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');
const users = new Keyv({ store: new KeyvHearsay({ endpoints }), namespace: 'users' });

await users.set('1', { name: 'Ada' }, 60_000);
console.log(await users.get('1'));
for await (const [key, value] of users.iterator()) console.log(key, value);
await users.disconnect();
