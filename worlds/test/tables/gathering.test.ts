import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Gathering } from '../../tables/gathering.ts';

const gatherings = suite('gathering');

/** Calls whose answers come by hand. */
function calls() {
  const gathering = new Gathering();
  const begun: number[] = [];
  const answers = new Map<number, PromiseWithResolvers<number>>();
  const run = (number: number): Promise<number> => {
    const answer = Promise.withResolvers<number>();
    answers.set(number, answer);
    return gathering.run(() => {
      begun.push(number);
      return answer.promise;
    });
  };
  return { begun, run, answerOf: (number: number) => answers.get(number) };
}

gatherings('calls of one turn begin together, those that come meanwhile after them', async () => {
  const { begun, run, answerOf } = calls();
  const first = run(1);
  await Promise.resolve();
  const second = run(2);
  assert.equal(begun, []);
  await nextTurn();
  assert.equal(begun, [1, 2]);
  const later = [run(3), run(4)];
  await nextTurn();
  answerOf(1)?.resolve(10);
  assert.is(await first, 10);
  await nextTurn();
  assert.equal(begun, [1, 2], 'one is still under way');
  answerOf(2)?.resolve(20);
  assert.is(await second, 20);
  await nextTurn();
  assert.equal(begun, [1, 2, 3, 4]);
  answerOf(3)?.resolve(30);
  answerOf(4)?.resolve(40);
  assert.equal(await Promise.all(later), [30, 40]);
});

gatherings('a call that fails holds nobody up', async () => {
  const { begun, run, answerOf } = calls();
  const failing = run(1);
  await nextTurn();
  const next = run(2);
  answerOf(1)?.reject(new Error('no node'));
  await failing.then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /no node/),
  );
  await nextTurn();
  assert.equal(begun, [1, 2]);
  answerOf(2)?.resolve(2);
  assert.is(await next, 2);
});

gatherings.run();
