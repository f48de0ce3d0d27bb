/** Puts key1, key2 and so on into a node, a thousand in each request. */
import { VALUE } from './load.ts';

const BATCH = 1000;

export async function fillKeys(
  url: string,
  keys: number,
  version: number,
  ttlMs?: number,
): Promise<void> {
  for (let from = 1; from <= keys; from += BATCH) {
    const ops = Array.from({ length: Math.min(BATCH, keys - from + 1) }, (_, index) => ({
      op: 'put',
      key: `key${from + index}`,
      value: VALUE,
      version,
      ...(ttlMs !== undefined && { ttl_ms: ttlMs }),
    }));
    const answer = await fetch(`${url}/cache`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ops }),
    });
    if (!answer.ok) throw new Error(`${url} does not take the keys: ${answer.status}`);
    await answer.arrayBuffer();
  }
}
