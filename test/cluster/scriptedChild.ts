/**
 * A node as a process, with faults that only a test can ask for: pushes that get lost, a clock that is
 * wrong, a hand in its map. What it starts with comes as its first argument, orders come over IPC.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { createLogger } from '../../src/cli/terminal/logger.ts';
import { readSettings } from '../../src/node/settings.ts';
import { startNode } from '../../src/node/startNode.ts';
import { orderSchema, planSchema } from './orders.ts';

const plan = planSchema.parse(JSON.parse(process.argv[2] ?? ''));
const settings = readSettings({}, plan.environment);
const { logger } = createLogger(settings, false);

const trueNow = Date.now;
Date.now = () => trueNow() + plan.clockAheadMs;
let lostShare = plan.lostShare;

const node = await startNode(settings, { logger, losePush: () => Math.random() < lostShare });

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}

async function carryOut(order: z.output<typeof orderSchema>): Promise<unknown> {
  const { replica } = node;
  switch (order.kind) {
    case 'losePushes':
      lostShare = order.share;
      return null;
    case 'dropEntry':
      replica.map.drop(order.key);
      return null;
    case 'reach':
      return Object.fromEntries(replica.reach());
    case 'memory': {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    }
  }
}

process.on('message', (message) => {
  const { id, order } = z.object({ id: z.number(), order: orderSchema }).parse(message);
  carryOut(order).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});

async function stop(): Promise<void> {
  await node.close();
  process.exit(0);
}
process.on('SIGTERM', stop);
// The test is gone, and nobody is left to stop this process.
process.on('disconnect', () => process.exit(1));
node.failure.catch((error: unknown) => {
  logger.error(String(error));
  process.exit(1);
});
