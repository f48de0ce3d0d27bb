/** Calls by key, in the order in which they began. */
import type { Call } from '../history/call.ts';

export function byKey(calls: readonly Call[], prefix: string): ReadonlyMap<string, Call[]> {
  const found = new Map<string, Call[]>();
  for (const call of calls) {
    const { key } = call.request;
    if (!key.startsWith(prefix)) continue;
    const list = found.get(key);
    if (list === undefined) found.set(key, [call]);
    else list.push(call);
  }
  for (const list of found.values()) list.sort((a, b) => a.startMs - b.startMs);
  return found;
}
