/** Watchers by their prefixes, so that an event costs nothing for watchers of other prefixes. */
import type { SharedEvent } from '../sharedEvent.ts';
import type { Watcher } from './watcher.ts';

export interface WatchGroup {
  readonly prefix: string;
  /** Watchers of the prefix, wherever they stand. */
  size: number;
  readonly live: Set<Watcher>;
  /** Events that the live ones are to be told next, and the index of the timeline after each. */
  readonly pending: { readonly event: SharedEvent; readonly indexAfter: number }[];
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

  /** The groups whose prefix the key starts with: one look-up for each length of a prefix. */
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
