/** Metrics of replication, read from where they are counted when somebody scrapes. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Replica } from '../replica/replica.ts';

/** Totals since the start of the process. */
export interface GossipCounts {
  readonly pushesSent: number;
  readonly pushesShed: number;
  readonly pulls: number;
  readonly opsReceived: number;
  readonly snapshotsSent: number;
  readonly rejoins: number;
  readonly collected: number;
  readonly repaired: number;
}

export interface GossipFigures {
  readonly replica: Replica;
  readonly counts: () => GossipCounts;
  /** Upgrades refused for their token. */
  readonly rejected: () => number;
  /** Origins of which two histories exist. */
  readonly forked: () => number;
  /** Rows that compaction has removed. */
  readonly compactedRows: () => number;
  readonly connectedPeers: () => number;
  /** Peers that hold the same ops but another map. */
  readonly disagreeingPeers: () => number;
}

/** @throws Error where the registry holds them already. */
export function registerGossipMetrics(registry: Registry, figures: GossipFigures): void {
  const { replica, counts } = figures;
  const registers = [registry];
  const total = (name: string, help: string, read: () => number): void => {
    const collect = function (this: Counter): void {
      this.reset();
      this.inc(read());
    };
    new Counter({ name, help, registers, collect });
  };
  const gauge = (name: string, help: string, read: () => number): void => {
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    new Gauge({ name, help, registers, collect });
  };
  total('hearsay_pushes_sent_total', 'Pushes sent.', () => counts().pushesSent);
  total(
    'hearsay_pushes_shed_total',
    'Pushes left to the next pull, since the peer was too slow.',
    () => counts().pushesShed,
  );
  total('hearsay_pulls_total', 'Digests sent.', () => counts().pulls);
  total('hearsay_ops_received_total', 'Ops taken in from peers.', () => counts().opsReceived);
  total(
    'hearsay_snapshots_sent_total',
    'Snapshots begun for new nodes.',
    () => counts().snapshotsSent,
  );
  total('hearsay_rejoins_total', 'Times that this node rejoined.', () => counts().rejoins);
  total('hearsay_collected_total', 'Dead entries collected.', () => counts().collected);
  total(
    'hearsay_log_compacted_rows_total',
    'Rows that compaction removed from the log.',
    figures.compactedRows,
  );
  total('hearsay_repaired_total', 'Entries written again by repairs.', () => counts().repaired);
  total(
    'hearsay_gossip_rejected_total',
    'Peers refused for a wrong or missing token.',
    figures.rejected,
  );
  gauge('hearsay_members', 'Members, this node included.', () => replica.members.size);
  gauge('hearsay_connected_peers', 'Peers connected.', figures.connectedPeers);
  gauge('hearsay_forked_origins', 'Origins of which two histories exist.', figures.forked);
  gauge(
    'hearsay_disagreeing_peers',
    'Peers that hold the same ops but another map.',
    figures.disagreeingPeers,
  );
}
