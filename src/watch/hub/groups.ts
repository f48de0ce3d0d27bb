/**
 * Groups watchers by their prefixes, so that an event costs nothing for watchers of other prefixes.
 * Each live watcher of a group gets one write, however many events happened at once.
 */
import type { OpId } from '../../words/op.ts';
import type { Format, SharedEvent } from '../sharedEvent.ts';
import type { Watcher } from './watcher.ts';

export interface WatchGroup {
  readonly prefix: string;
  /** All watchers of the prefix, in every place. */
  size: number;
  readonly live: Set<Watcher>;
  /** Events that the live watchers are still to be told, but for those that went live after them. */
  readonly pending: PendingEvent[];
}

export interface PendingEvent {
  readonly event: SharedEvent;
  /** The index of the timeline after it. */
  readonly indexAfter: number;
}

export class WatchGroups {
  readonly #byLength = new Map<number, Map<string, WatchGroup>>();

  join(prefix: string): WatchGroup {
    const ofLength = this.#byLength.get(prefix.length) ?? new Map<string, WatchGroup>();
    this.#byLength.set(prefix.length, ofLength);
    const group = ofLength.get(prefix) ?? { prefix, size: 0, live: new Set(), pending: [] };
    ofLength.set(prefix, group);
    group.size++;
    return group;
  }

  leave(group: WatchGroup, watcher: Watcher): void {
    group.live.delete(watcher);
    group.size--;
    if (group.size > 0) return;
    const ofLength = this.#byLength.get(group.prefix.length);
    ofLength?.delete(group.prefix);
    if (ofLength?.size === 0) this.#byLength.delete(group.prefix.length);
  }

  /** The groups whose prefix the key begins with: one look-up for each length of a prefix. */
  matching(key: string): WatchGroup[] {
    const groups: WatchGroup[] = [];
    for (const [length, ofLength] of this.#byLength) {
      if (length > key.length) continue;
      const group = ofLength.get(key.slice(0, length));
      if (group !== undefined) groups.push(group);
    }
    return groups;
  }
}

/** Events joined into one write. A watcher whose socket fills up falls behind between two of these. */
const JOINED_BYTES = 64 * 1024;

interface Joined {
  readonly bytes: Buffer;
  /** The index of the timeline after the last of these events. */
  readonly indexAfter: number;
}

/**
 * Tells the live watchers what is pending, each what it was not told before: one may have come to the end within this,
 * or since an event happened.
 *
 * @param fallBehind called for a watcher whose socket is full, with the index up to which it was told.
 */
export function deliver(
  group: WatchGroup,
  fallBehind: (watcher: Watcher, index: number) => void,
): void {
  const byFormat = new Map<Format, Joined[]>();
  const pending = [...group.pending];
  const firstAfter = pending.at(0)?.indexAfter ?? 0;
  const hasTouches = pending.some(({ event }) => event.touched !== null);
  const joinedFor = (watcher: Watcher): Joined[] => {
    const { format, toldIndex } = watcher;
    const wasTold = toldIndex >= firstAfter;
    // Watchers from cursors have been told different things.
    if (wasTold || (hasTouches && watcher.mayLack !== null)) {
      const untold = wasTold ? pending.filter((event) => event.indexAfter > toldIndex) : pending;
      return join(untold, format, (touched) => watcher.knows(touched));
    }
    const joined = byFormat.get(format) ?? join(pending, format, () => true);
    byFormat.set(format, joined);
    return joined;
  };
  for (const watcher of group.live) {
    for (const { bytes, indexAfter } of joinedFor(watcher)) {
      watcher.toldIndex = indexAfter;
      watcher.write(bytes);
      if (watcher.isWritable) continue;
      fallBehind(watcher, indexAfter);
      break;
    }
  }
}

/**
 * Joins the events' bytes once for many watchers of a format; each event stays a message of its own.
 *
 * @param knows whether these watchers were told the value of the op, which a touch gave another expiry.
 */
function join(
  pending: readonly PendingEvent[],
  format: Format,
  knows: (touched: OpId) => boolean,
): Joined[] {
  const joined: Joined[] = [];
  let parts: Buffer[] = [];
  let length = 0;
  for (const [index, { event, indexAfter }] of pending.entries()) {
    const bytes = event.bytesFor(format, event.touched !== null && knows(event.touched));
    if (bytes !== null) {
      parts.push(bytes);
      length += bytes.length;
    }
    if (length < JOINED_BYTES && index < pending.length - 1) continue;
    const [first] = parts;
    if (first === undefined) continue;
    joined.push({ bytes: parts.length === 1 ? first : Buffer.concat(parts, length), indexAfter });
    parts = [];
    length = 0;
  }
  return joined;
}
