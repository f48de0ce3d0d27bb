/** Keyv 5 over the nodes of `npm start`. */
import { KeyvHearsay5 } from 'hearsay/keyv';
import Keyv from 'keyv';

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');
const store = new KeyvHearsay5({ endpoints });
const users = new Keyv({ store, namespace: 'users', useKeyPrefix: false });

await users.set('1', { name: 'Ada' }, 60_000);
console.log(await users.get('1'));
await users.disconnect();
