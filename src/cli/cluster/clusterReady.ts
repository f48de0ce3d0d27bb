/** Whether the nodes of `hearsay cluster` are ready, each by its own word. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ChildNode } from './childNode.ts';

const POLL_INTERVAL_MS = 50;
const SAY_AFTER_MS = 10_000;

/**
 * Resolves once all are ready, or `signal` says that nobody waits any more.
 *
 * @param children read anew each time: one that is started again stands in the place of the old one.
 */
export async function untilReady(
  children: readonly Pick<ChildNode, 'plan' | 'isServing' | 'waitsFor'>[],
  signal: AbortSignal,
): Promise<void> {
  let sayAt = performance.now() + SAY_AFTER_MS;
  while (!signal.aborted) {
    const late = children.find(({ waitsFor }) => waitsFor !== null);
    if (late === undefined) return;
    // Opening a long log may take its time, of which the node itself tells.
    if (!children.every(({ isServing }) => isServing)) sayAt = performance.now() + SAY_AFTER_MS;
    if (performance.now() > sayAt) {
      process.stderr.write(`Still waiting: ${late.plan.nodeId} ${late.waitsFor}.\n`);
      sayAt += SAY_AFTER_MS;
    }
    await wait(POLL_INTERVAL_MS);
  }
}
