/** Bentocache on two nodes: memory first, Hearsay second, and the bus of Hearsay between the memories. */
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import type { BusDriver } from 'bentocache/types';
import { HearsayBus, hearsayBusDriver, hearsayDriver } from 'hearsay/bentocache';
import { createClient } from 'hearsay/client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FaultProxy, until } from '../../test/client/support.ts';

const endpoints = (process.env.HEARSAY_URL ?? '').split(',');

/** A process of its own, as far as the cache knows, at one node. */
function newCache(endpoint: string, prefix: string) {
  const store = bentostore()
    .useL1Layer(memoryDriver({ maxSize: '1mb' }))
    .useL2Layer(hearsayDriver({ endpoints: [endpoint], prefix }))
    .useBus(hearsayBusDriver({ endpoints: [endpoint], prefix: `${prefix}-bus:` }));
  return new BentoCache({ default: 'shared', stores: { shared: store } });
}

const bus = suite('bentocache');

bus('an entry that one process sets or deletes is renewed in the memory of the other', async () => {
  const [here, there] = endpoints.map((endpoint) => newCache(endpoint, 'both')) as [
    BentoCache<never>,
    BentoCache<never>,
  ];
  await here.set({ key: 'a', value: 1, ttl: '1h' });
  await eventually(1, () => there.get({ key: 'a' }));
  // Both have it in memory now. The subscriptions begin by themselves, so this is repeated until it is heard.
  let value = 1;
  await eventually(true, async () => {
    value += 1;
    await here.set({ key: 'a', value, ttl: '1h' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    return (await there.get({ key: 'a' })) === value;
  });
  await here.delete({ key: 'a' });
  await eventually(undefined, () => there.get({ key: 'a' }));
  await here.namespace('users').set({ key: 'a', value: 'user', ttl: '1h' });
  await eventually('user', () => there.namespace('users').get({ key: 'a' }));
  await here.namespace('users').clear();
  await eventually(undefined, () => there.namespace('users').get({ key: 'a' }));
  await here.disconnect();
  await there.disconnect();
});

bus('tags and getOrSet work over two nodes', async () => {
  const [here, there] = endpoints.map((endpoint) => newCache(endpoint, 'tags')) as [
    BentoCache<never>,
    BentoCache<never>,
  ];
  let loads = 0;
  const load = async () => {
    loads += 1;
    return `load ${loads}`;
  };
  const ask = () => here.getOrSet({ key: 'a', factory: load, ttl: '1h', tags: ['t'] });
  assert.equal(new Set(await Promise.all([ask(), ask(), ask()])), new Set(['load 1']));
  await eventually('load 1', () => there.get({ key: 'a' }));
  await there.deleteByTag({ tags: ['t'] });
  await eventually('load 2', ask);
  await here.disconnect();
  await there.disconnect();
});

bus(
  'a message that was sent while the connection was broken is heard once it is back',
  async () => {
    const proxy = await FaultProxy.inFrontOf(endpoints[1] ?? '');
    const busOf = (endpoint: string, id: string): BusDriver =>
      new HearsayBus({ endpoints: [endpoint], prefix: 'broken-bus:' }).setId(id);
    const here = busOf(endpoints[0] ?? '', 'here');
    const there = busOf(proxy.url, 'there');
    const heard: number[] = [];
    let reconnects = 0;
    there.onReconnect(() => {
      reconnects += 1;
    });
    await there.subscribe<number>('channel', (payload) => {
      heard.push(payload);
    });
    await here.subscribe<number>('channel', () => assert.unreachable('its own message came back'));
    for (let sent = 0; sent < 50; sent += 1) {
      if (sent % 10 === 5) proxy.cut();
      await here.publish('channel', sent);
      await here.publish('channel/other', -1);
    }
    await until(() => heard.length >= 50, 'every message was heard');
    assert.equal(
      heard,
      Array.from({ length: 50 }, (_, sent) => sent),
    );
    assert.ok(reconnects > 0);
    await there.unsubscribe('channel');
    await here.publish('channel', 50);
    await here.disconnect();
    await there.disconnect();
    await proxy.close();
    assert.is(heard.length, 50);
  },
);

bus('messages are gone after their time', async () => {
  const client = createClient({ endpoints });
  const short = new HearsayBus({ client, prefix: 'short-bus:', messageTtlMs: 100 }).setId('short');
  await short.publish('channel', 1);
  await eventually(0, async () => {
    let count = 0;
    for await (const _ of client.list({ prefix: 'short-bus:' })) count += 1;
    return count;
  });
  await client.close();
});

bus.run();

async function eventually(expected: unknown, ask: () => Promise<unknown>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; )
    if ((await ask()) === expected) return;
    else await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(await ask(), expected);
}
