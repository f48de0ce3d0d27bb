/** Latency of single requests at a steady rate, measured in this process. */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const SLICE_MS = 5;

/**
 * Sends GETs at the rate until told to stop.
 *
 * @param until asked between requests.
 * @returns the time of each GET, in milliseconds.
 */
export async function getLatencies(
  url: string,
  path: (count: number) => string,
  perSecond: number,
  until: () => boolean,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const latencies: number[] = [];
  const requests: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; !until(); ) {
    const due = ((performance.now() - startedAt) / 1000) * perSecond;
    for (; sent < due; sent++) {
      const sentAt = performance.now();
      requests.push(
        get(agent, `${url}${path(sent)}`).then(() => {
          latencies.push(performance.now() - sentAt);
        }),
      );
    }
    await wait(SLICE_MS);
  }
  await Promise.all(requests);
  agent.destroy();
  return latencies;
}

function get(agent: Agent, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve());
    });
    sent.on('error', reject);
    sent.end();
  });
}
