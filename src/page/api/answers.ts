/** Answers of the REST interface, as far as the page reads them. openapi.json describes them. */

export interface Peer {
  readonly node: string | null;
  readonly origin: string | null;
  readonly url: string | null;
  readonly state: 'connected' | 'connecting' | 'unreachable' | 'refused';
  readonly reason: string | null;
  readonly peer_lacks_ops: number | null;
  readonly we_lack_ops: number | null;
  readonly last_heard_at: string | null;
  readonly agrees: boolean | null;
}

export interface Member {
  readonly node: string;
  readonly origin: string;
  readonly url: string | null;
  readonly last_heard_at: string | null;
  /** Whether the asked node hears it, over a link or by a round; nodes up to 0.6.0 leave it out. */
  readonly heard?: boolean;
  readonly behind_ops: number | null;
  readonly holds_back: boolean;
}

export interface Cluster {
  readonly node: string;
  readonly origin: string;
  readonly cluster: { readonly name: string; readonly id: string | null };
  readonly vector: Readonly<Record<string, number>>;
  readonly map_sum: { readonly sum: string; readonly as_of: string };
  /** The ring after the node, beyond a full mesh; nodes up to 0.6.0 leave it out. */
  readonly ring?: { readonly broken: readonly { readonly origin: string }[] } | null;
  readonly peers: readonly Peer[];
  readonly members: readonly Member[];
}

export interface Figures {
  readonly node: string;
  readonly version: string;
  readonly now: string;
  readonly started_at: string;
  readonly health: {
    readonly status: 'ok' | 'degraded' | 'failing';
    readonly reasons: readonly string[];
  };
  readonly memory: {
    readonly process_bytes: number;
    readonly heap_bytes: number;
    readonly map_bytes: number;
    readonly max_map_bytes: number | null;
  };
  readonly entries: { readonly live: number; readonly dead: number; readonly cold: number };
  readonly disk: {
    readonly free_bytes: number | null;
    readonly database_bytes: number;
    readonly write_ahead_log_bytes: number;
  };
  readonly checkpoint: {
    readonly lag_rows: number;
    readonly bytes: number;
    readonly failures: number;
  };
  readonly damage: { readonly proved: number; readonly forked: readonly string[] };
  readonly stable_at: string | null;
  readonly peer_lag_ms: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly rates: Rates;
}

export interface Rates {
  readonly step_ms: number;
  readonly ends_at: string;
  readonly writes: readonly number[];
  readonly reads: readonly number[];
  readonly conflicts: readonly number[];
  readonly watchers: readonly number[];
}

export interface WatcherRow {
  readonly prefix: string;
  readonly over: string;
  readonly caller: string;
  readonly address: string;
  readonly since: string;
  readonly with_values: boolean;
  readonly standing: 'live' | 'behind' | 'reading';
  readonly behind_ops: number;
  readonly buffered_bytes: number;
  readonly fell_behind: number;
  readonly left_out: number;
}

export interface Watchers {
  readonly node: string;
  readonly count: number;
  readonly watchers: readonly WatcherRow[];
}

/** An entry of a list without values. */
export interface ListedEntry {
  readonly key: string;
  readonly version: number;
  readonly expires_at: string | null;
}

export interface Level {
  readonly entries: readonly ListedEntry[];
  /** Each stands for all keys that begin with it. */
  readonly prefixes?: readonly string[];
  readonly next: string | null;
}
