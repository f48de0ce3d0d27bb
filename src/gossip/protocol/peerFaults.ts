/**
 * The ways in which a peer breaks the protocol. Each costs its sender points (src/gossip/border/conduct.ts),
 * and nothing else does. A peer of another version or cluster, with a wrong clock or a copied log, is refused
 * by a code of its own, and may come again at once.
 */
export const PEER_FAULTS = [
  /** A text is longer, fuller or deeper than its type may be. */
  'bound',
  /** More messages of a type than any peer that keeps the protocol sends. */
  'rate',
  /** It is no message of the protocol. */
  'form',
  /** It may not be sent there: before a hello, or as another origin. */
  'order',
  /** Its content is impossible, whichever ops the sender holds. */
  'claim',
  /** This node could not handle it. */
  'exception',
] as const;

export type PeerFault = (typeof PEER_FAULTS)[number];
