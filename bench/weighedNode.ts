/** A node that collects garbage and tells its heap when it is asked: run with --expose-gc and a channel. */

import { readSettings } from '../src/node/settings.ts';
import { startNode } from '../src/node/startNode.ts';

const node = await startNode(readSettings({}, process.env), {
  logger: { info: () => {}, warn: console.error, error: console.error },
});
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
process.send?.({ url: node.url });
