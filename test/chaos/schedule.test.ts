/** Schedules of faults, and the links that they ask for. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setLinks } from '../../chaos/faults.ts';
import { Links } from '../../chaos/network/links.ts';
import {
  LINK_FAULTS,
  type LinkFault,
  NODE_FAULTS,
  scheduleOf,
  stepText,
} from '../../chaos/schedule.ts';

const schedules = suite('chaos schedules');
const ALL = [...LINK_FAULTS, ...NODE_FAULTS];
const MINUTE_MS = 60_000;

schedules('the same seed gives the same schedule, another seed another', () => {
  const text = (seed: number): string => JSON.stringify(scheduleOf(seed, 5, MINUTE_MS, ALL));
  assert.is(text(7), text(7));
  assert.is.not(text(7), text(8));
});

schedules('within a lane one fault ends before the next begins, and in the load', () => {
  for (let seed = 0; seed < 100; seed += 1) {
    const { links, nodes } = scheduleOf(seed, 3, MINUTE_MS, ALL);
    for (const lane of [links, nodes])
      for (const [index, { atMs }] of lane.entries()) {
        const before = lane[index - 1];
        if (before !== undefined) assert.ok(atMs > before.atMs + before.holdMs);
        assert.ok(atMs < MINUTE_MS - 5_000);
      }
  }
});

schedules('only the faults that are asked for come, and each of them does', () => {
  const { links, nodes } = scheduleOf(3, 4, 10 * MINUTE_MS, ['halves', 'ring', 'wipe', 'retire']);
  const kinds = new Set([...links, ...nodes].map(({ fault }) => fault.kind));
  assert.equal([...kinds].sort(), ['halves', 'retire', 'ring', 'wipe']);
  const all = scheduleOf(3, 4, 10 * MINUTE_MS, ALL);
  assert.is(new Set([...all.links, ...all.nodes].map(({ fault }) => fault.kind)).size, ALL.length);
});

schedules('one node has no links', () => {
  assert.equal(scheduleOf(1, 1, MINUTE_MS, ALL).links, []);
});

schedules('each fault of links cuts what it says and no more', () => {
  const cuts = (nodes: number, fault: LinkFault): string => {
    const links = new Links(nodes);
    setLinks(links, fault);
    const found: string[] = [];
    for (let from = 0; from < nodes; from += 1)
      for (let to = 0; to < nodes; to += 1)
        if (links.at(from, to).isCut) found.push(`${from}>${to}`);
    return found.join(' ');
  };
  assert.is(cuts(3, { kind: 'cut pair', a: 0, b: 2 }), '0>2 2>0');
  assert.is(cuts(3, { kind: 'cut one way', from: 2, to: 1 }), '2>1');
  assert.is(cuts(3, { kind: 'halves', side: [0, 1] }), '0>2 1>2 2>0 2>1');
  assert.is(cuts(3, { kind: 'isolate', node: 1 }), '0>1 1>0 1>2 2>1');
  assert.is(cuts(4, { kind: 'ring', order: [0, 2, 1, 3] }), '0>1 1>0 2>3 3>2');
  assert.is(cuts(3, { kind: 'lossy', lossPercent: 10 }), '');
});

schedules('a step tells itself, with the names of nodes', () => {
  const fault = { kind: 'cut one way', from: 2, to: 0 } as const;
  const text = stepText({ atMs: 1_500, holdMs: 2_000, fault });
  assert.is(text, '1.5s for 2.0s: cut one way, from node3, to node1');
});

schedules.run();
