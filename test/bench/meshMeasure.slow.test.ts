// time limit: 300 s
/** The measurements of large clusters (`npm run scale`), on a small one. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measure } from '../../bench/mesh/measure.ts';

const SIZE = 12;
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

measures.run();
