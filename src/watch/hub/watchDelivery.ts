/** Tells the live watchers of a prefix what happened: one write a watcher, whatever happened at once. */
import type { Format } from '../sharedEvent.ts';
import type { WatchGroup } from './groups.ts';
import type { Watcher } from './watcher.ts';

/** Events joined into one write. A watcher whose socket fills up falls behind between two of these. */
const JOINED_BYTES = 64 * 1024;

interface Joined {
  readonly bytes: Buffer;
  /** The index of the timeline after the last of its events. */
  readonly indexAfter: number;
}

/** @param fallBehind called for a watcher whose socket is full, with the index that it has come to. */
export function deliver(
  group: WatchGroup,
  fallBehind: (watcher: Watcher, index: number) => void,
): void {
  const byFormat = new Map<Format, Joined[]>();
  for (const watcher of group.live) {
    const joined = byFormat.get(watcher.format) ?? join(group, watcher.format);
    byFormat.set(watcher.format, joined);
    for (const { bytes, indexAfter } of joined) {
      watcher.write(bytes);
      if (watcher.isWritable) continue;
      fallBehind(watcher, indexAfter);
      break;
    }
  }
}

/** Joins the events' bytes once for all watchers of a format; each event stays a message of its own. */
function join(group: WatchGroup, format: Format): Joined[] {
  const joined: Joined[] = [];
  let parts: Buffer[] = [];
  let length = 0;
  for (const [index, { event, indexAfter }] of group.pending.entries()) {
    const bytes = event.bytes(format);
    parts.push(bytes);
    length += bytes.length;
    if (length < JOINED_BYTES && index < group.pending.length - 1) continue;
    joined.push({ bytes: parts.length === 1 ? bytes : Buffer.concat(parts, length), indexAfter });
    parts = [];
    length = 0;
  }
  return joined;
}
