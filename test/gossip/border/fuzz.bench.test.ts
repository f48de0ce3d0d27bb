// time limit: 5400 s; runs alone
/** A million wrong messages to a real node, the pauses of its event loop, and the memory that is left of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../../scripts/patience.ts';
import { fuzzProcess } from './fuzzedProcess.ts';

const fuzz = suite('a million wrong messages to a real node');

const MESSAGES = 1_000_000;
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;
const LONGEST_PAUSE_MS = 200;

fuzz(
  'end no node, harm no answer and no log, pause nothing, and leave nothing behind',
  async () => {
    const fuzzed = await fuzzProcess({ messages: MESSAGES, aConnection: 40, seed: 1 });
    process.stdout.write(`${JSON.stringify(fuzzed)}\n`);
    const { messages, memoryBytes, longestPauseMs } = fuzzed;
    assert.ok(messages >= MESSAGES, `${messages} messages`);
    // The first tenth fills what is bounded.
    const [, first = 0] = memoryBytes;
    assert.ok((memoryBytes.at(-1) ?? 0) - first < MOST_GROWTH_BYTES, memoryBytes.join());
    assert.ok(longestPauseMs < LONGEST_PAUSE_MS * patience(), `${longestPauseMs} ms`);
  },
);

fuzz.run();
