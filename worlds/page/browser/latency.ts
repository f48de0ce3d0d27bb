/** How far each region is: the shortest of a few answers to a small listing of that region. */
import type { Account } from './account.ts';
import { ask } from './ask.ts';

const TRIES = 3;

/** @returns milliseconds by region; a region that does not answer is missing. */
export async function measureRegions(
  account: Account,
  regions: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const region of regions) {
    const ms = await measure(account, region).catch(() => null);
    if (ms !== null) found.set(region, ms);
  }
  return found;
}

async function measure(account: Account, region: string): Promise<number> {
  const access = await account.token();
  const path = `/worlds?region=${encodeURIComponent(region)}`;
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const startedAtMs = performance.now();
    const response = await ask({ method: 'GET', path, access });
    shortestMs = Math.min(shortestMs, performance.now() - startedAtMs);
    await response.body?.cancel();
  }
  return shortestMs;
}
