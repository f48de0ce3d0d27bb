/** The lag of a peer is the age of the oldest own op that it lacks. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lagMs } from '../../src/node/peerLag.ts';
import { RecentRows } from '../../src/store/recentRows.ts';
import { put } from '../support/ops.ts';

const lag = suite('lag of a peer');
const [OWN, OTHER] = ['node1.aaaaaa', 'node2.aaaaaa'];
const LAST = { origin: OWN, seq: 3 };

/** Own ops committed at 10, 20 and 30, with one of another origin between them. */
function recentRows(maxRecentOps = 100): RecentRows {
  const recent = new RecentRows({ maxRecentOps, maxRecentBytes: 1e6 });
  const rows = [
    { origin: OWN, seq: 1 },
    { origin: OTHER, seq: 1 },
    { origin: OWN, seq: 2 },
    { origin: OWN, seq: 3 },
  ];
  for (const [index, id] of rows.entries())
    recent.push({
      lsn: index + 1,
      committedAt: id.origin === OWN ? id.seq * 10 : 15,
      won: true,
      op: put(id),
    });
  return recent;
}

lag('a peer that holds all own ops lags by nothing', () => {
  assert.is(lagMs(recentRows(), LAST, 3, 1000), 0);
});

lag('a peer lags by the age of the first own op that it lacks', () => {
  assert.is(lagMs(recentRows(), LAST, 1, 1000), 980);
  assert.is(lagMs(recentRows(), LAST, 0, 1000), 990);
});

lag('beyond the latest rows, it lags by at least their age', () => {
  assert.is(lagMs(recentRows(2), LAST, 0, 1000), 980);
});

lag('a clock that was set back makes no lag below nothing', () => {
  assert.is(lagMs(recentRows(), LAST, 2, 5), 0);
});

lag.run();
