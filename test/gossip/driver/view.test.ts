/** The replica as the protocol's core reads it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { viewOf } from '../../../src/gossip/driver/view.ts';
import { sumOf } from '../../support/ops.ts';
import { openReplica, putting } from '../../support/replicas.ts';

const view = suite('the view of a replica');

view('the sum of its own ops is known up to each of the latest, and not before those', async () => {
  const { replica } = await openReplica({ limits: { maxRecentOps: 3 } });
  replica.readiness.allowWrites();
  await replica.submit(['a', 'b', 'c', 'd', 'e'].map((key) => putting(key)));
  const ops = await replica.log.opsAfter(replica.origin, 0, { maxRows: 9, maxBytes: 1e6 });
  const { ownSumAt } = viewOf(replica);
  for (const seq of [2, 3, 4, 5]) assert.equal(ownSumAt(seq), sumOf(ops.slice(0, seq)), `${seq}`);
  assert.is(ownSumAt(1), undefined);
});

view('without any op in memory the sum of all is known', async () => {
  const { replica } = await openReplica({ limits: { maxRecentOps: 0 } });
  await replica.submit([putting('a'), putting('b')]);
  const { ownSumAt } = viewOf(replica);
  assert.equal(ownSumAt(2), replica.record(replica.origin).sum);
  assert.is(ownSumAt(1), undefined);
});

view.run();
