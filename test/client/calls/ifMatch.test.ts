/** Puts that name the entry that they replace. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  InvalidRequestError,
  PreconditionFailedError,
  UnknownOutcomeError,
} from '../../../src/client/index.ts';
import { rejectedWith, withProxies } from '../support.ts';

const ifMatch = suite('ifMatch');

ifMatch(
  'a put is stored over the entry that it names, and over no other',
  withProxies(async ({ client }) => {
    await client.put('k', 1);
    assert.is((await client.get('k'))?.etag, undefined);
    const first = await client.get('k', { etag: true });
    const etag = first?.etag ?? '';
    assert.is((await client.put('k', 2, { ifMatch: etag })).version, 2);
    const replaced = await rejectedWith(
      PreconditionFailedError,
      client.put('k', 3, { ifMatch: etag }),
    );
    assert.is(replaced.currentVersion, 2);
    assert.is(replaced.mayBeStored, false);
    // A touch makes another entry of the same value.
    const second = await client.get('k', { etag: true });
    await client.touch('k', 60_000);
    await rejectedWith(
      PreconditionFailedError,
      client.put('k', 3, { ifMatch: second?.etag ?? '' }),
    );
    const third = await client.get('k', { etag: true });
    await client.delete('k');
    const gone = await rejectedWith(
      PreconditionFailedError,
      client.put('k', 3, { ifMatch: third?.etag ?? '' }),
    );
    assert.is(gone.currentVersion, null);
    assert.is(await client.get('k'), undefined);
    assert.is(await client.get('k', { etag: true }), undefined);
  }),
);

ifMatch(
  'a put whose answer was lost is known again by its own id, and by nothing else',
  withProxies(async ({ client, proxies, server }) => {
    await client.put('k', 1);
    const etag = (await client.get('k', { etag: true }))?.etag ?? '';
    proxies[0].faults.push('swallow');
    assert.is((await client.put('k', 2, { ifMatch: etag })).version, 2);
    assert.is((await client.get('k'))?.value, 2);
    const next = (await client.get('k', { etag: true }))?.etag ?? '';
    for (const proxy of proxies) {
      proxy.faults.push('swallow');
      proxy.beforeAnswer = async () => {
        proxy.beforeAnswer = async () => {};
        await server.put('/cache/k', { value: 'of another', version: 'next' });
      };
    }
    const unknown = await rejectedWith(UnknownOutcomeError, client.put('k', 3, { ifMatch: next }));
    assert.is(unknown.mayBeStored, true);
    assert.is((await client.get('k'))?.value, 'of another');
  }),
);

ifMatch(
  'a text that is no ETag, and a key that no path holds, are refused before anything is sent',
  withProxies(async ({ client, proxies }) => {
    for (const wrong of ['', 'a/1', '*', '"a" "b"'])
      await rejectedWith(InvalidRequestError, client.put('k', 1, { ifMatch: wrong }));
    await rejectedWith(InvalidRequestError, client.put('.', 1, { ifMatch: '"a/1"' }));
    await rejectedWith(InvalidRequestError, client.get('..', { etag: true }));
    assert.equal([...proxies[0].seen, ...proxies[1].seen], []);
  }),
);

ifMatch.run();
