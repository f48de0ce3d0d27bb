/** cache-manager, cacheable and Apollo's cache over the nodes of `npm start`. */
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { createClient } from 'hearsay/client';
import { KeyvHearsay5 } from 'hearsay/keyv';
import Keyv from 'keyv';

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');
const client = createClient({ endpoints });
const keyvOf = (namespace: string) =>
  new Keyv({ store: new KeyvHearsay5({ client }), namespace, useKeyPrefix: false });

const users = createCache({ stores: [keyvOf('users')], ttl: 60_000 });
console.log(await users.wrap('1', async () => ({ name: 'Ada' })));

// Memory first, Hearsay second.
const pages = new Cacheable({ secondary: keyvOf('pages'), tags: true });
await pages.set('/1', '<h1>Ada</h1>', { ttl: '10m', tags: ['user:1'] });
await pages.tags.invalidateTag('user:1');
console.log(await pages.get('/1'));

// `new ApolloServer({ cache: answers })`. Its types name another copy of those of Keyv.
const answers = new KeyvAdapter<string>(keyvOf('answers') as never);
await answers.set('query', 'data', { ttl: 30 });
console.log(await answers.get('query'));
await client.close();
