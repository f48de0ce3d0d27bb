/** What a node knows of its peers, for `GET /_cluster`, health and metrics. */

export interface PeerStatus {
  /** Null until the peer has said hello. */
  readonly nodeId: string | null;
  readonly origin: string | null;
  /** Null for a peer that dialled us and named no URL. */
  readonly url: string | null;
  readonly state: 'connected' | 'connecting' | 'unreachable' | 'refused';
  /** Why the peer is unreachable or refused, as a sentence; else null. */
  readonly reason: string | null;
  /** Ops that we hold and the peer, when last heard, did not; null where it was never heard. */
  readonly peerLacksOps: number | null;
  /** Ops that the peer, when last heard, held and we do not. */
  readonly weLackOps: number | null;
  /** UTC milliseconds of its last message. */
  readonly lastHeardAt: number | null;
  /** Whether vectors and map sums were equal at the last comparison of equal vectors; null before one. */
  readonly agrees: boolean | null;
}
