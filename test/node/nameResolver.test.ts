/** A name behind which several nodes stand is told as their URLs, again where they change. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NameResolver } from '../../src/node/nameResolver.ts';

const names = suite('names of peers');

interface Resolved {
  readonly resolver: NameResolver;
  readonly asked: string[];
  readonly told: [string, readonly string[]][];
  readonly known: Map<string, readonly string[]>;
}

function resolverOf(urls: readonly string[], known: [string, readonly string[]][]): Resolved {
  const asked: string[] = [];
  const told: [string, readonly string[]][] = [];
  const addresses = new Map(known);
  const resolver = new NameResolver({
    urls,
    lookup: async (name) => {
      asked.push(name);
      const found = addresses.get(name);
      if (found === undefined) throw new Error('nobody knows it');
      return found;
    },
    resolved: (url, all) => told.push([url, all]),
  });
  return { resolver, asked, told, known: addresses };
}

names('a name is told as one URL for each of its addresses, with its scheme and port', async () => {
  const { resolver, told } = resolverOf(
    ['http://cache:8000', 'https://other'],
    [
      ['cache', ['10.0.0.2', '10.0.0.1', '10.0.0.2']],
      ['other', ['fd00::1', '10.0.0.3']],
    ],
  );
  await resolver.look();
  assert.equal(told, [
    ['http://cache:8000', ['http://10.0.0.1:8000', 'http://10.0.0.2:8000']],
    ['https://other', ['https://10.0.0.3', 'https://[fd00::1]']],
  ]);
});

names('only a change is told again', async () => {
  const { resolver, told, known } = resolverOf(['http://cache:8000'], [['cache', ['10.0.0.1']]]);
  await resolver.look();
  await resolver.look();
  known.set('cache', ['10.0.0.9']);
  await resolver.look();
  assert.equal(told, [
    ['http://cache:8000', ['http://10.0.0.1:8000']],
    ['http://cache:8000', ['http://10.0.0.9:8000']],
  ]);
});

names('a name that nobody knows for a while keeps its addresses', async () => {
  const { resolver, told, known } = resolverOf(['http://cache:8000'], [['cache', ['10.0.0.1']]]);
  await resolver.look();
  known.delete('cache');
  await resolver.look();
  assert.is(told.length, 1);
});

names('addresses, and the name of the machine itself, are not looked up', async () => {
  const { resolver, asked } = resolverOf(
    ['http://127.0.0.1:8000', 'http://[::1]:8000', 'http://localhost:8000'],
    [],
  );
  await resolver.look();
  assert.equal(asked, []);
});

names('no more than 64 addresses of a name count', async () => {
  const many = Array.from({ length: 100 }, (_, index) => `10.0.0.${index + 1}`);
  const { resolver, told } = resolverOf(['http://cache:8000'], [['cache', many]]);
  await resolver.look();
  assert.is(told[0]?.[1].length, 64);
});

names.run();
