/** Whether the nodes of `hearsay cluster` answer and see one another. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { NodePlan } from './clusterPlan.ts';

const POLL_INTERVAL_MS = 50;
const ANSWER_LIMIT_MS = 2000;
const SAY_AFTER_MS = 10_000;

const clusterSchema = z.object({ peers: z.array(z.object({ state: z.string() })) });

/** Resolves once all are ready, or `signal` says that nobody waits any more. */
export async function untilReady(plans: readonly NodePlan[], signal: AbortSignal): Promise<void> {
  let sayAt = performance.now() + SAY_AFTER_MS;
  while (!signal.aborted) {
    const faults = await Promise.all(plans.map((plan) => faultOf(plan, plans.length - 1)));
    const fault = faults.find((one) => one !== null);
    if (fault === undefined) return;
    if (performance.now() > sayAt) {
      process.stderr.write(`Still waiting: ${fault}.\n`);
      sayAt += SAY_AFTER_MS;
    }
    await wait(POLL_INTERVAL_MS);
  }
}

/** @returns the reason why the node isn't ready, or null if it is. */
async function faultOf({ nodeId, url }: NodePlan, peers: number): Promise<string | null> {
  try {
    await answerOf(`${url}/_health`);
    const cluster = clusterSchema.parse(await answerOf(`${url}/_cluster`));
    const connected = cluster.peers.filter(({ state }) => state === 'connected').length;
    if (connected >= peers) return null;
    return `${nodeId} is connected to ${connected} of ${peers} peers`;
  } catch {
    return `${nodeId} does not answer at ${url} yet`;
  }
}

async function answerOf(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  if (url.startsWith('https:')) return securely(url, signal);
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  return response.json();
}

/** The node is one that this command has started, and is asked for nothing that matters: it is not verified. */
async function securely(url: string, signal: AbortSignal): Promise<unknown> {
  const { get } = await import('node:https');
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url, { rejectUnauthorized: false, signal }, resolve).on('error', reject);
  const response = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}.`);
  return JSON.parse(Buffer.concat(chunks).toString());
}
