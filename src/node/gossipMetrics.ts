/** Metrics of replication, read from their counters at each scrape. */
import type { Registry } from 'prom-client';
import type { FaultCounts } from '../gossip/border/border.ts';
import type { PeerStatus } from '../gossip/protocol/peerStatus.ts';
import type { RingStatus } from '../gossip/protocol/ringStatus.ts';
import { Figures } from '../http/metrics.ts';
import type { Replica } from '../replica/replica.ts';
import { lagMs } from './peerLag.ts';

/** Totals since the start of the process. */
export interface GossipCounts {
  readonly pushesSent: number;
  readonly pushesShed: number;
  readonly answersShed: number;
  readonly pulls: number;
  readonly opsReceived: number;
  readonly snapshotsSent: number;
  readonly rejoins: number;
  readonly collected: number;
  readonly repaired: number;
  /** Digests of peers that held the same ops but another map. */
  readonly disagreements: number;
  /** Peers that had to ask again later to be let in, because of a bound. */
  readonly joinsPostponed: number;
}

export interface GossipFigures {
  readonly replica: Replica;
  readonly counts: () => GossipCounts;
  /** Upgrades refused for their token. */
  readonly rejected: () => Readonly<Record<string, number>>;
  readonly unproved: () => number;
  readonly openBy: () => Readonly<Record<string, number>>;
  /** The number of times that a peer sent more than this node reads from it. */
  readonly paused: () => number;
  /** Faults of peers, and refusals that came of them, by kind. */
  readonly conduct: () => { readonly faults: FaultCounts; readonly refused: FaultCounts };
  readonly refusedPeers: () => number;
  /** Origins of which two histories exist. */
  readonly forked: () => number;
  /** Logs that are set aside. */
  readonly logsAside: () => number;
  /** Rows that compaction has removed. */
  readonly compactedRows: () => number;
  readonly peers: () => readonly PeerStatus[];
  /** Null up to `mesh-limit` members. */
  readonly ring: () => RingStatus | null;
}

/** @throws Error if the registry holds them already. */
export function registerGossipMetrics(registry: Registry, figures: GossipFigures): void {
  const { replica, counts } = figures;
  const meter = new Figures(registry);
  const connected = (): PeerStatus[] =>
    figures.peers().filter(({ state }) => state === 'connected');
  meter.total('hearsay_pushes_sent_total', 'Pushes sent.', () => counts().pushesSent);
  meter.total(
    'hearsay_pushes_shed_total',
    'Pushes left to the next pull, since the peer was too slow.',
    () => counts().pushesShed,
  );
  meter.total(
    'hearsay_answers_shed_total',
    'Answers that were left out, since their peer reads nothing or asks too much.',
    () => counts().answersShed,
  );
  meter.total('hearsay_pulls_total', 'Digests sent, whole or as their hash.', () => counts().pulls);
  meter.total('hearsay_ops_received_total', 'Ops taken in from peers.', () => counts().opsReceived);
  meter.total(
    'hearsay_snapshots_sent_total',
    'Snapshots begun for new nodes.',
    () => counts().snapshotsSent,
  );
  meter.total('hearsay_rejoins_total', 'Times that this node rejoined.', () => counts().rejoins);
  meter.total('hearsay_collected_total', 'Dead entries collected.', () => counts().collected);
  meter.total(
    'hearsay_log_compacted_rows_total',
    'Rows that compaction removed from the log.',
    figures.compactedRows,
  );
  meter.total(
    'hearsay_repaired_total',
    'Entries written again by repairs.',
    () => counts().repaired,
  );
  meter.total(
    'hearsay_disagreements_total',
    'Digests of peers that held the same ops but another map.',
    () => counts().disagreements,
  );
  meter.totals(
    'hearsay_gossip_rejected_total',
    'Peers refused before they had proved that they know the secret of the cluster, by reason.',
    'reason',
    figures.rejected,
  );
  meter.gauge(
    'hearsay_unproved_peers',
    'Connections of peers that have not proved yet that they know the secret.',
    figures.unproved,
  );
  meter.gauges(
    'hearsay_peer_connections',
    'Connections to peers, by the way in which they show that they know the secret.',
    'by',
    figures.openBy,
  );
  meter.totals(
    'hearsay_peer_faults_total',
    'Messages by which peers broke the protocol, by kind.',
    'reason',
    () => figures.conduct().faults,
  );
  meter.totals(
    'hearsay_peer_refusals_total',
    'Peers refused for a while, by the last of the faults that led to it.',
    'reason',
    () => figures.conduct().refused,
  );
  meter.gauge('hearsay_refused_peers', 'Peers refused for their faults now.', figures.refusedPeers);
  meter.total(
    'hearsay_peer_reads_paused_total',
    'Times that a peer sent more messages than are read in a second.',
    figures.paused,
  );
  meter.total(
    'hearsay_joins_postponed_total',
    'Times that a peer had to ask again later to be let in, because of a bound.',
    () => counts().joinsPostponed,
  );
  meter.gauge(
    'hearsay_snapshot_bytes',
    'Bytes of the snapshot that is coming in; 0 if none is.',
    () => replica.incomingSnapshot.bytes,
  );
  meter.gauge('hearsay_members', 'Members, this node included.', () => replica.members.size);
  meter.gauge('hearsay_connected_peers', 'Peers connected.', () => connected().length);
  meter.gauge(
    'hearsay_ring_broken_links',
    'Members between this node and its successor on the ring, which have no link; 0 in a full mesh.',
    () => figures.ring()?.broken.length ?? 0,
  );
  meter.gauge(
    'hearsay_logs_aside',
    'Logs set aside by rejoins: to be offered, or kept for a while after that.',
    figures.logsAside,
  );
  meter.gauge('hearsay_forked_origins', 'Origins of which two histories exist.', figures.forked);
  meter.gauge(
    'hearsay_disagreeing_peers',
    'Peers that hold the same ops but another map.',
    () => figures.peers().filter(({ agrees }) => agrees === false).length,
  );
  registerLags(meter, replica, connected);
}

/** One figure a connected peer, by its node id: members are bounded, and strangers are named by nobody. */
function registerLags(
  meter: Figures,
  replica: Replica,
  connected: () => readonly PeerStatus[],
): void {
  const each = (value: (peer: PeerStatus) => number | null): Readonly<Record<string, number>> =>
    Object.fromEntries(
      connected().flatMap((peer) => {
        const number = value(peer);
        return peer.nodeId === null || number === null ? [] : [[peer.nodeId, number]];
      }),
    );
  meter.gauges(
    'hearsay_peer_lag_ops',
    'Ops of any origin that this node held and the peer lacked when it was last heard.',
    'peer',
    () => each(({ peerLacksOps }) => peerLacksOps),
  );
  meter.gauges(
    'hearsay_peer_lag_seconds',
    "Age of the oldest of this node's own ops that the peer lacked when it was last heard; 0 if none.",
    'peer',
    () =>
      each(({ confirmedSeq }) => {
        if (confirmedSeq === null) return null;
        const last = { origin: replica.origin, seq: replica.record(replica.origin).seq };
        return lagMs(replica.recent, last, confirmedSeq, replica.nowMs()) / 1000;
      }),
  );
  meter.gauges(
    'hearsay_lag_ops',
    'Ops that the peer held when it was last heard, and that this node lacks.',
    'peer',
    () => each(({ weLackOps }) => weLackOps),
  );
  meter.gauges(
    'hearsay_peer_silence_seconds',
    'Time since the last message of the peer.',
    'peer',
    () =>
      each(({ lastHeardAt }) =>
        lastHeardAt === null ? null : Math.max(0, replica.nowMs() - lastHeardAt) / 1000,
      ),
  );
}
