/** Keyv's own suite for stores: 38 tests, and 4 of the iterator. */
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import { createClient } from 'hearsay/client';
import { KeyvHearsay5 } from 'hearsay/keyv';
import Keyv, { type KeyvStoreAdapter } from 'keyv';
import * as test from 'vitest';

const client = createClient({ endpoints: (process.env.HEARSAY_URL ?? '').split(',') });
test.afterAll(() => client.close());

/** Typed as Keyv types its stores. One for each Keyv, which sets the namespace of its store. */
const newStore = (): KeyvStoreAdapter => new KeyvHearsay5({ client, prefix: 'keyv5/' });

keyvTestSuite(test, Keyv, newStore);
keyvIteratorTests(test, Keyv, newStore);

test.it('a store without its own prefix serves Keyv without one', async () => {
  const keyv = new Keyv({ store: new KeyvHearsay5({ client }), useKeyPrefix: false });
  await keyv.set('plain', 1);
  test.expect((await client.get('keyv::plain'))?.value).toContain('"value":1');
  await keyv.clear();
  test.expect(await client.get('keyv::plain')).toBeUndefined();
});

test.it('Keyv 5 refuses the store of Keyv 6 at once', async () => {
  const { KeyvHearsay } = await import('hearsay/keyv');
  const keyv6 = new KeyvHearsay({ client });
  test.expect(() => new Keyv({ store: keyv6 })).toThrow('use KeyvHearsay5 with Keyv 5');
});
