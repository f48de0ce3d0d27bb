// time limit: 900 s
/** The measurements of large clusters (`npm run scale`), on a small one. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measure } from '../../bench/mesh/measure.ts';
import { mostHops } from '../../bench/mesh/scalePlots.ts';

const SIZE = 12;
const LARGE = 60;
const LEAST_PUSHES = 0.97;
const MOST_PUSHES = 1.3;
const MOST_DEAD_SECONDS = 30;

const measures = suite('measurements of large clusters');

measures('twelve nodes spread ops along a tree, miss none, and collect what is dead', async () => {
  const measured = await measure(SIZE, 1);
  assert.is(measured.nodes, SIZE);
  assert.ok(measured.pushes > 0.5 && measured.pushes <= MOST_PUSHES, `${measured.pushes} pushes`);
  assert.ok(measured.pushesAtLoss <= MOST_PUSHES, `${measured.pushesAtLoss} pushes at loss`);
  assert.is(measured.missedAtLoss, 0);
  assert.ok((measured.deadGoneS ?? Infinity) <= MOST_DEAD_SECONDS, `${measured.deadGoneS} s`);
  assert.ok(measured.hopsToAllP99 >= measured.hopsP99 && measured.hopsP99 > 0);
  assert.ok(measured.bytesOverOps > 1, 'each op goes to each node once at least');
  assert.ok((measured.idleByKind.certificate ?? 0) > 0, 'rounds go on');
});

measures(
  'the tree of sixty reaches all in few hops, in one part, and does not change',
  async () => {
    const { hopsToAllP99, pushes, grafts, missedAtLoss } = await measure(LARGE, 1);
    assert.ok(hopsToAllP99 <= mostHops(LARGE), `${hopsToAllP99} hops`);
    // Below one, pulls would stand in for branches that are missing.
    assert.ok(pushes >= LEAST_PUSHES && pushes <= MOST_PUSHES, `${pushes} pushes`);
    assert.is(grafts, 0);
    assert.is(missedAtLoss, 0);
  },
);

measures.run();
