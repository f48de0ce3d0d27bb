// time limit: 300 s
/** Ten thousand wrong messages to a real node: each is taken or has its price, and clients notice nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzProcess } from './fuzzedProcess.ts';

const fuzz = suite('a stream of wrong messages to a real node');

const MESSAGES = 10_000;

fuzz('ends no node, harms no answer and no log, and costs its senders', async () => {
  const { messages, faults, opsReceived, answers } = await fuzzProcess({
    messages: MESSAGES,
    aConnection: 8,
    seed: 1,
  });
  assert.ok(messages >= MESSAGES, `${messages} messages`);
  assert.ok(faults > MESSAGES / 20, `${faults} faults`);
  assert.ok(opsReceived > 10, `${opsReceived} ops were right`);
  assert.ok(answers > 10, `${answers} answers`);
});

fuzz.run();
