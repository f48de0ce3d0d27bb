/** Values that are not in memory are answered as those that are, on both paths, and in lists and batches. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, onBothPaths, type TestServer } from './testServer.ts';

const cold = suite('cold values over HTTP');

/** Room for the indexes, for the keys of the tests, and for hardly any value. */
const MAX_MEMORY = 70_000;
const KEYS = Array.from({ length: 30 }, (_, index) => `k${index + 10}`);
/** Its digits and spacing must stay. */
const textOf = (key: string): string => `{ "${key}": 1.0, "v": "${'é'.repeat(1000)}" }`;

async function putAll(server: TestServer): Promise<void> {
  for (const key of KEYS) {
    const body = `{"value":${textOf(key)},"version":1,"meta":{"values":["map"]}}`;
    assert.is((await server.put(`/cache/${key}`, body)).status, 200);
  }
  assert.ok(server.replica.map.coldSize > KEYS.length / 2, `${server.replica.map.coldSize}`);
}

cold(
  'a GET, a list and a batch give each value as it came, whether memory has it or not',
  onBothPaths(
    async (server) => {
      await putAll(server);
      for (const key of KEYS) {
        const { status, text, headers } = await server.get(`/cache/${key}`);
        assert.is(status, 200);
        assert.ok(text.startsWith(`{"value":${textOf(key)},"version":1,`), text.slice(0, 80));
        assert.ok(text.endsWith(',"meta":{"values":["map"]}}'));
        const again = await server.get(`/cache/${key}`, { 'If-None-Match': headers.etag ?? '' });
        assert.is(again.status, 304);
      }
      const { text: list } = await server.get('/cache?limit=30');
      for (const key of KEYS) assert.ok(list.includes(`{"key":"${key}","value":${textOf(key)},`));
      const gets = KEYS.map((key) => ({ op: 'get', key }));
      const reads = await server.batch({ ops: gets });
      for (const key of KEYS)
        assert.ok(reads.text.includes(`{"status":200,"value":${textOf(key)},`));
      const mixed = await server.batch({ ops: [...gets, { op: 'delete', key: 'k10' }, gets[0]] });
      for (const key of KEYS) assert.ok(mixed.text.includes(`"value":${textOf(key)},`));
      assert.ok(server.replica.coldRows.reads > KEYS.length / 2);
    },
    { maxMemory: MAX_MEMORY },
  ),
);

cold(
  'a key that expires or is deleted reads as absent, cold or not',
  onBothPaths(
    async (server) => {
      await server.put('/cache/a', { value: 'v'.repeat(5000), version: 1, ttl_ms: 1000 });
      await putAll(server);
      server.advance(1000);
      const answers: Answer[] = [await server.get('/cache/a')];
      await server.delete('/cache/k10');
      answers.push(await server.get('/cache/k10'));
      assert.equal(
        answers.map(({ status }) => status),
        [404, 404],
      );
    },
    { maxMemory: MAX_MEMORY },
  ),
);

cold(
  'once keys fill the memory, new keys get 507 with the reason, and other writes go on',
  onBothPaths(
    async (server) => {
      let refused: Answer | null = null;
      for (let count = 0; refused === null && count < 5000; count += 50) {
        const ops = Array.from({ length: 50 }, (_, index) => ({
          op: 'put',
          key: `${'key'.repeat(30)}${count + index}`,
          value: 1,
          version: 1,
        }));
        await server.batch({ ops });
        const answer = await server.put(`/cache/one${count}`, { value: 1, version: 1 });
        if (answer.status !== 200) refused = answer;
      }
      assert.is(refused?.status, 507);
      assert.is(refused?.headers['content-type'], 'application/problem+json');
      assert.match(refused?.text ?? '', /Keys fill the memory that --max-memory .* allows/);
      assert.is((await server.put('/cache/one0', { value: 2, version: 2 })).status, 200);
      const { body } = await server.batch({
        ops: [
          { op: 'put', key: 'another', value: 1, version: 1 },
          { op: 'delete', key: 'one0' },
        ],
      });
      const { results } = body as { results: { status: number }[] };
      assert.equal(
        results.map(({ status }) => status),
        [507, 200],
      );
    },
    { maxMemory: MAX_MEMORY },
  ),
);

cold('more GETs than may wait for the disk get 503, and say what to do', async () => {
  const gate = Promise.withResolvers<void>();
  let isHeld = false;
  const readDelay = async (): Promise<void> => {
    if (isHeld) await gate.promise;
  };
  await onBothPaths(
    async (server) => {
      await putAll(server);
      isHeld = true;
      const key = [...server.replica.map.entries()].find((entry) => 'lsn' in entry)?.key ?? '';
      const other = [...server.replica.map.entries()].findLast((entry) => 'lsn' in entry)?.key;
      const first = server.get(`/cache/${key}`);
      while (server.replica.reads.waiting === 0) await new Promise(setImmediate);
      // The twin has no request that waits, so this goes to the server alone.
      const answer = await fetch(`http://127.0.0.1:${server.port}/cache/${other}`);
      assert.is(answer.status, 503);
      assert.is(answer.headers.get('retry-after'), '1');
      assert.match(await answer.text(), /requests that wait for the disk.*try again shortly/);
      gate.resolve();
      assert.is((await first).status, 200);
      isHeld = false;
    },
    { maxMemory: MAX_MEMORY, limits: { maxColdReads: 1 }, log: { readDelay } },
  )();
});

cold.run();
