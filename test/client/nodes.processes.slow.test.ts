/** Counters of the client at a real node that is killed meanwhile. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient } from '../../src/client/index.ts';
import { startCluster, type TestCluster } from '../support/nodes.ts';
import { until } from './support.ts';

const nodes = suite('counters and nodes');

const urlsOf = (cluster: TestCluster): string[] => cluster.nodes.map(({ url }) => url);

nodes('many counters at a node that is killed: every success is counted', async () => {
  await using cluster = await startCluster();
  await using client = createClient({
    endpoints: urlsOf(cluster).slice(0, 1),
    maxRounds: 50,
    timeoutMs: 60_000,
  });
  let made = 0;
  let unknown = 0;
  const counting = Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let index = 0; index < 40; index++) {
        try {
          await client.update<number>('n', (value = 0) => value + 1, { maxTries: 1000 });
          made++;
        } catch (error) {
          assert.is((error as Error).name, 'UnknownOutcomeError');
          unknown++;
        }
      }
    }),
  );
  await until(() => made > 50, 'the counters run');
  await cluster.node(0).kill('SIGKILL');
  await cluster.node(0).start();
  await counting;
  const total = (await client.get<number>('n'))?.value ?? 0;
  assert.ok(total >= made && total <= made + unknown, `${total}: ${made} made, ${unknown} unknown`);
});

nodes.run();
