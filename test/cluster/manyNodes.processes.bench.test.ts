// time limit: 900 s; runs alone
/** Forty real processes, cut in two for a minute and healed, and the memory of each beside that of a cluster of three. */
import { constants, setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../scripts/patience.ts';
import { Links } from './links.ts';
import { metric, sameMapWithin, waitForMetric } from './observe.ts';
import { type ScriptedCluster, type ScriptedNode, startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const many = suite('forty real processes');

const NODES = 40;
const FEW = 3;
const KEYS = 1000;
const PUTS_AT_ONCE = 100;
const ENVIRONMENT = {
  MAX_JOINS_PER_MINUTE: '100',
  MAX_MEMBERS: '200',
  JOIN_TIMEOUT: '10s',
  MAX_CLOCK_SKEW: '1s',
};
const CUT_MS = 60_000;
const HEALED_WITHIN_MS = 10_000;
/** Memory is taken once nothing is left of the start. */
const CALM_MS = 30_000;
const MOST_MEMORY = 1.3;
/** Forty starts at one moment share the processors. */
const LIMIT_MS = 240_000;

many('two halves agree within ten seconds after a minute apart, and memory stays', async () => {
  const few = await memoryOfCluster(FEW, async () => {});
  const each = await memoryOfCluster(NODES, cutAndHeal);
  const shown = `${each.toFixed(0)} bytes beside ${few.toFixed(0)}`;
  assert.ok(each <= MOST_MEMORY * few, shown);
  console.log(`memory of a node: ${shown}`);
});

/** @returns the median of the resident bytes of its nodes, which hold the same keys in every cluster. */
async function memoryOfCluster(
  size: number,
  act: (links: Links, cluster: ScriptedCluster) => Promise<void>,
): Promise<number> {
  await using links = await Links.open(size);
  await using cluster = await startScripted({
    nodes: size,
    environment: ENVIRONMENT,
    environmentOf: (index, urls) => links.settingsOf(index, urls),
  });
  const { nodes } = cluster;
  // This process relays each byte between them: beside forty others it would get too little of the processors for any dial.
  for (const { pid } of nodes) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  await waitForMetric(nodes, 'hearsay_members', size, LIMIT_MS);
  for (const part of range(KEYS / PUTS_AT_ONCE)) {
    const keys = range(PUTS_AT_ONCE).map((index) => `key/${part * PUTS_AT_ONCE + index}`);
    await batch(nodeAt(nodes, part % size), puts(keys, 'a', 1));
  }
  assert.is((await sameMapWithin(LIMIT_MS, nodes)).size, KEYS);
  await wait(CALM_MS);
  const bytes = await Promise.all(
    nodes.map((node) => metric(node, 'process_resident_memory_bytes')),
  );
  await act(links, cluster);
  return bytes.sort((a, b) => a - b)[Math.floor(size / 2)] ?? Number.NaN;
}

async function cutAndHeal(links: Links, { nodes }: ScriptedCluster): Promise<void> {
  const halves = [0, 1].map((half) => range(NODES).filter((index) => index % 2 === half));
  links.divide(halves);
  const healsAtMs = performance.now() + CUT_MS;
  for (const [half, indexes] of halves.entries()) {
    const side = indexes.map((index) => nodeAt(nodes, index));
    await batch(nodeAt(side, 0), puts([`half/${half}`, 'both'], half, 1 + half));
    assert.is((await sameMapWithin(CUT_MS, side)).size, KEYS + 2);
  }
  await wait(Math.max(0, healsAtMs - performance.now()));
  links.divide([range(NODES)]);
  const healedAtMs = performance.now();
  assert.is((await sameMapWithin(HEALED_WITHIN_MS * patience(), nodes)).size, KEYS + 3);
  console.log(`all agree ${Math.round(performance.now() - healedAtMs)} ms after healing`);
}

function nodeAt(nodes: readonly ScriptedNode[], index: number): ScriptedNode {
  const node = nodes[index];
  assert.ok(node);
  return node;
}

many.run();
