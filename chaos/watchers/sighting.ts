/** One event of a watcher, and the mirror that it keeps of all its events. */

export interface Sighting {
  readonly type: 'put' | 'delete' | 'expire' | 'synced' | 'bookmark' | 'reset' | 'anew';
  /** null if the type is about no key. */
  readonly key: string | null;
  readonly value: string | null;
  readonly version: number | null;
  /** UTC milliseconds. */
  readonly atMs: number;
  /** The URL of the node that told it; empty for `anew`. */
  readonly from: string;
  /** UTC milliseconds by that node's clock: up to there the watcher had been told expiries. */
  readonly toldUntilMs: number;
}

/** Applies events as docs/watch.md tells clients to. */
export class Mirror {
  readonly values = new Map<string, string>();
  readonly sightings: Sighting[] = [];
  isSynced = false;

  take(sighting: Sighting): void {
    this.sightings.push(sighting);
    const { type, key, value } = sighting;
    switch (type) {
      case 'put':
        if (key !== null && value !== null) this.values.set(key, value);
        return;
      case 'delete':
      case 'expire':
        if (key !== null) this.values.delete(key);
        return;
      case 'reset':
      case 'anew':
        // `anew`: every node refused the cursor, so the watcher began without one.
        this.values.clear();
        this.isSynced = false;
        return;
      case 'synced':
        this.isSynced = true;
        return;
      case 'bookmark':
        return;
      default:
        throw new TypeError(`no such event: ${String(type satisfies never)}`);
    }
  }
}
