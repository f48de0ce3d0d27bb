/** The times of rounds. None is a setting: all nodes of a cluster must agree on them. */

/** Milliseconds between two rounds. */
export const ROUND_INTERVAL_MS = 10_000;
/** Milliseconds from the begin of a round to its end, also if a node answers nothing. */
export const ROUND_MS = 8000;
/**
 * A node gives its links so much less time than it has itself, in milliseconds: their answers are to come before its
 * own is due. With one time for all, a node that hangs would silence all on the way to it.
 */
export const HOP_MS = 500;
/** A member that a certificate names counts as heard for so long: one round may be lost, and another one late. */
export const HEARD_BY_ROUND_MS = 3 * ROUND_INTERVAL_MS + ROUND_MS;
/**
 * A client that waits until all members hold a write has its node begin a round after this time, in milliseconds, and
 * as much again drawn at random: if many nodes have such clients, the round of one serves all.
 */
export const ASKED_ROUND_MS = 500;
/** A member that starts begins another round so long after the last one, in milliseconds, if that brought no certificate. */
export const START_ROUND_AGAIN_MS = 3000;
/** The longest time without any certificate, in milliseconds, before any member begins a round. */
export const ROUND_PATIENCE_MS = 6 * ROUND_INTERVAL_MS;
