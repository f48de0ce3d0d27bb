// time limit: 1800 s
/** A million wrong messages, and the memory that is left of them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzNode } from './fuzzing.ts';

const fuzz = suite('a million wrong messages');

const MESSAGES = 1_000_000;
const SEEDS = 10;
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

fuzz('end no node, harm no answer and no log, and leave nothing behind', async () => {
  const heapAfter: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    await fuzzNode(MESSAGES / SEEDS, seed);
    collectGarbage();
    heapAfter.push(process.memoryUsage().heapUsed);
  }
  const [first = 0] = heapAfter;
  assert.ok((heapAfter.at(-1) ?? 0) - first < MOST_GROWTH_BYTES, heapAfter.join());
});

fuzz.run();
