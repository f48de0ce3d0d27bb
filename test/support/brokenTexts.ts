/** Messages as a broken or hostile peer sends them: right ones, and right ones with a few wrong signs. */
import fc from 'fast-check';
import { encodeMessage } from '../../src/gossip/protocol/messages.ts';
import { nextRandom, type Random } from '../../src/words/random.ts';
import { message } from './generators.ts';

const SIGNS = '{}[]",:0123456789eE+-.\\ntrufalsn _\u{1f600}\u0000';
/** Messages that the texts are made of. */
const SAMPLES = 2000;

export const below = (random: Random, limit: number): number =>
  Math.floor(nextRandom(random) * limit);

/** @returns a source of texts: half of them are messages, the others were. */
export function messageTexts(random: Random, seed: number): () => string {
  const texts = fc.sample(message, { numRuns: SAMPLES, seed }).map((one) => encodeMessage(one));
  return () => {
    const text = texts[below(random, texts.length)] ?? '';
    return below(random, 2) === 0 ? text : broken(text, random);
  };
}

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
