/** A tick that is kept holds the shape of all others. */
import { executionAsyncResource } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepTick, keptTick } from '../../src/node/keptTick.ts';
import { collectGarbage } from '../../src/node/leanHeap.ts';

const ticks = suite('kept tick');

ticks('ticks have the shape of the one that is kept, before and after a collection', async () => {
  setFlagsFromString('--allow-natives-syntax');
  const haveSameShape: unknown = new Function('one', 'other', 'return %HaveSameMap(one, other)');
  assert.ok(typeof haveSameShape === 'function');
  keepTick();
  const first = await nextTick();
  assert.is(haveSameShape(keptTick(), first), true);
  collectGarbage();
  assert.is(haveSameShape(keptTick(), await nextTick()), true);
});

const nextTick = (): Promise<object> =>
  new Promise((resolve) => process.nextTick(() => resolve(executionAsyncResource())));

ticks.run();
