/** The keys of a run, by the way in which they are written and checked. */

/** `exact/NODE/LIFE/…`: one worker alone writes them, at one node. */
export const EXACT_PREFIX = 'exact/';
/** Many workers race for them with PUTs; nobody deletes them, and none expires. */
export const RACE_PREFIX = 'race/';
/** Many workers PUT, DELETE and let expire. */
export const MIXED_PREFIX = 'mixed/';
/** Written once, and then perhaps deleted, at another node and in the knowledge of the write. */
export const ONCE_PREFIX = 'once/';
