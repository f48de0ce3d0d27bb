// time limit: 900 s; runs alone
/** A hostile peer with the token, for a minute, against three nodes under load: it comes back whenever it may. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../scripts/patience.ts';
import { seeded } from '../../src/words/random.ts';
import { startCluster } from '../support/nodes.ts';
import { attack } from './hostilePeers.ts';
import { healthOf, metric, sameMapWithin } from './observe.ts';
import { Writer } from './writes.ts';

const hostile = suite('a hostile peer for a minute');

const DURATION_MS = 60_000;
const LIMIT_MS = 15_000;
const LONGEST_PAUSE_MS = 200;
const MOST_GROWTH_BYTES = 256 * 1024 * 1024;

hostile(
  'no acknowledged write is lost, no node rejoins, pauses or grows, and health names it',
  async () => {
    await using cluster = await startCluster({ environment: { PEER_REFUSAL: '1s' } });
    const { nodes } = cluster;
    const writers = nodes.map((node, index) => new Writer(node, seeded(index), 500));
    const endsAt = performance.now() + DURATION_MS;
    const isOver = (): boolean => performance.now() > endsAt;
    const memoryOf = (node: (typeof nodes)[number]): Promise<number> =>
      metric(node, 'process_resident_memory_bytes');
    const before = await Promise.all(nodes.map(memoryOf));
    let longestPauseMs = 0;
    let named = false;
    await Promise.all([
      ...writers.map(async (writer) => {
        while (!isOver()) await writer.write(20);
      }),
      ...nodes.map(async (node, index) => {
        for (let round = 0; !isOver(); round++) await attack(node, 100 * round + index);
      }),
      ...nodes.map(async (node) => {
        while (!isOver()) {
          const pauseMs = 1000 * (await metric(node, 'nodejs_eventloop_lag_max_seconds'));
          longestPauseMs = Math.max(longestPauseMs, pauseMs);
          named ||= /evil \(evil\.aaaaaa\)/.test((await healthOf(node)).reasons?.join() ?? '');
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      }),
    ]);
    const map = await sameMapWithin(LIMIT_MS, nodes);
    for (const { known } of writers)
      for (const [key, value] of known) assert.is(map.get(key), value, key);
    for (const node of nodes) assert.is(await metric(node, 'hearsay_rejoins_total'), 0);
    assert.ok(named, 'health named it');
    for (const [index, node] of nodes.entries())
      assert.ok((await memoryOf(node)) - (before[index] ?? 0) < MOST_GROWTH_BYTES, node.nodeId);
    assert.ok(longestPauseMs < LONGEST_PAUSE_MS * patience(), `${longestPauseMs} ms`);
  },
);

hostile.run();
