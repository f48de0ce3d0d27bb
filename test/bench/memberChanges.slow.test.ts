// time limit: 900 s
/** Large clusters whose members come, go and are replaced by the dozen: real nodes on simulated time. */
import { suite } from 'uvu';
import {
  joinThroughOne,
  replaceAll,
  shrink,
  shrinkByHand,
} from '../../bench/mesh/memberChanges.ts';
import { assertJoined, assertWhole } from './wholeClusters.ts';

const changes = suite('members of large clusters');

changes('a hundred nodes join within a minute of one another through one address', async () => {
  assertJoined(await joinThroughOne(100, 1, { maxMembers: 200, maxJoinsPerMinute: 100 }), 100);
});

changes('all of sixty are replaced, one after another', async () => {
  assertWhole(await replaceAll(60, 1));
});

changes('twenty shrink to three, a minority at a time, which is silent', async () => {
  assertWhole(await shrink([20, 12, 8, 5, 3], 1));
});

changes('sixty shrink to three at once, and a person retires the others', async () => {
  assertWhole(await shrinkByHand(60, 3, 1));
});

changes.run();
