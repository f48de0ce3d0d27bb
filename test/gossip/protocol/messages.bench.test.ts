// time limit: 900 s
/** A million messages that a broken or hostile peer may send: each is taken or refused, none stops a node. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMessage, encodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import { nextRandom, type Random, seeded } from '../../../src/words/random.ts';
import { originOf, testCore } from '../../support/cores.ts';
import { message } from '../../support/generators.ts';

const fuzz = suite('broken messages');

const MESSAGES = 1_000_000;
const SEED = 7;
/** Each core meets so many, so that one which has ended does not hide what comes later. */
const MESSAGES_A_CORE = 100;
const SIGNS = '{}[]",:0123456789eE+-.\\ntrufalsn _\u{1f600}\u0000';

fuzz(`${MESSAGES} broken messages are refused as malformed, or taken by the core`, () => {
  const random = seeded(SEED);
  const texts = fc.sample(message, { numRuns: 2000, seed: SEED }).map((one) => encodeMessage(one));
  let taken = 0;
  let refused = 0;
  let node = testCore({ others: [originOf(2), originOf(3)] });
  for (let count = 0; count < MESSAGES; count++) {
    if (count % MESSAGES_A_CORE === 0) {
      node = testCore({ others: [originOf(2), originOf(3)], seed: count });
      node.greet(1);
    }
    const text = broken(texts[below(random, texts.length)] ?? '', random);
    try {
      const one = decodeMessage(text);
      node.clock.nowMs += 10;
      node.receive(1, one);
      if (node.core.status().every(({ state }) => state !== 'connected')) node.greet(1);
      taken++;
    } catch (error) {
      if (!(error instanceof MalformedMessageError))
        throw new Error(`Message ${count} broke the node: ${text}`, { cause: error });
      refused++;
    }
  }
  assert.is(taken + refused, MESSAGES);
  assert.ok(taken > MESSAGES / 100, `${taken} were taken`);
  assert.ok(refused > MESSAGES / 10, `${refused} were refused`);
});

fuzz.run();

/** The text with one to four signs put in, taken out, doubled or exchanged. */
function broken(text: string, random: Random): string {
  let result = text;
  for (let changes = 1 + below(random, 4); changes > 0; changes--) {
    const at = below(random, result.length + 1);
    const sign = SIGNS.charAt(below(random, SIGNS.length));
    const [before, after] = [result.slice(0, at), result.slice(at)];
    const kind = below(random, 5);
    if (kind === 0) result = before + sign + after;
    else if (kind === 1) result = before + after.slice(1);
    else if (kind === 2) result = before + sign + after.slice(1);
    else if (kind === 3) result = before + after.slice(0, 8) + after;
    else result = before + after.slice(1 + below(random, 40));
  }
  return result;
}

const below = (random: Random, limit: number): number => Math.floor(nextRandom(random) * limit);
