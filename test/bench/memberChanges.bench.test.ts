// time limit: 3600 s
/** Further seeds of `memberChanges.slow.test.ts`, and its longest way down. */
import { suite } from 'uvu';
import { joinThroughOne, replaceAll, shrink } from '../../bench/mesh/memberChanges.ts';
import { assertJoined, assertWhole } from './wholeClusters.ts';

const changes = suite('members of large clusters, at length');

changes('sixty shrink to three, a minority at a time, which is silent', async () => {
  assertWhole(await shrink([60, 32, 18, 10, 6, 4, 3], 1));
});

for (const seed of [2, 3]) {
  changes(`a hundred nodes join through one address, seed ${seed}`, async () => {
    const settings = { maxMembers: 200, maxJoinsPerMinute: 100 };
    assertJoined(await joinThroughOne(100, seed, settings), 100);
  });

  changes(`all of sixty are replaced, seed ${seed}`, async () => {
    assertWhole(await replaceAll(60, seed));
  });
}

changes.run();
