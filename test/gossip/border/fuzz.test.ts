/** Ten thousand wrong messages: each is taken or has its price, and clients notice nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzNode } from './fuzzing.ts';

const fuzz = suite('a stream of wrong messages');

fuzz('ends no node, harms no answer and no log, and costs its senders', async () => {
  const { faults, opsReceived, rejoins } = await fuzzNode(10_000, 1);
  assert.ok(faults > 1000, `${faults} faults`);
  assert.ok(opsReceived > 10, `${opsReceived} ops were right`);
  assert.is(rejoins, 0);
});

fuzz.run();
