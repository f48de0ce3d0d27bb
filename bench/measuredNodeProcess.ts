/** A node that tells its heap and the delays of its event loop: run with --expose-gc and a channel. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { readSettings } from '../src/node/settings.ts';
import { startNode } from '../src/node/startNode.ts';
import { type Measures, RESOLUTION_MS } from './measuredNode.ts';

const node = await startNode(readSettings({}, process.env), {
  logger: { info: () => {}, warn: console.error, error: console.error },
});
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

const tell = (measures: Measures): void => {
  process.send?.(measures);
};

process.on('message', (question: 'heap' | 'delay') => {
  if (question === 'delay') {
    tell({ longestDelayMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS) });
    delays.reset();
    return;
  }
  globalThis.gc?.();
  tell({ heapBytes: process.memoryUsage().heapUsed });
});
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
tell({ url: node.url });
