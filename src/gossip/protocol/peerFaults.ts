/**
 * How a peer breaks the protocol. Each costs its sender (src/gossip/border/conduct.ts); nothing else does: a
 * peer of another version or cluster, with a wrong clock, a copied log or too little time is refused by its
 * own code, and may come again at once.
 */
export const PEER_FAULTS = [
  /** A text is longer, fuller or deeper than its type may be. */
  'bound',
  /** More messages of a type than anybody who keeps the protocol sends. */
  'rate',
  /** It is no message of the protocol. */
  'form',
  /** It may not be sent there: before a hello, or as another origin. */
  'order',
  /** It says something that can't be, whatever the sender holds. */
  'claim',
  /** This node could not handle it. */
  'exception',
] as const;

export type PeerFault = (typeof PEER_FAULTS)[number];
