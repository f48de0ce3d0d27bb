/** The replica as positions of watchers are read against it. */
import type { Replica } from '../../replica/replica.ts';
import { mayCollect, storedStable } from '../../rules/stability.ts';
import type { WatchView } from '../position.ts';

export const watchViewOf = (replica: Replica): WatchView => ({
  entry: (key) => replica.map.head(key),
  mayBeCollected: (op) => mayCollect(op, storedStable(replica.header)),
});
