import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const yielding = suite('a command that reads a log beside its node');

const SOURCE = new URL('../../../src/cli/log/yieldToNode.ts', import.meta.url).href;
/** Tells the nice value of each thread. */
const PROGRAM = `
  const { readdirSync, readFileSync } = await import('node:fs');
  (await import('${SOURCE}')).yieldToNode();
  const threads = readdirSync('/proc/self/task');
  // The nineteenth field, where the second is the name.
  const niceOf = (thread) =>
    Number(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(') ')[1].split(' ')[16]);
  console.log(JSON.stringify(threads.map(niceOf)));`;

if (process.platform === 'linux')
  yielding('gives way with all of its threads', async () => {
    const words = ['--input-type=module', '--eval', PROGRAM];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    const nices = JSON.parse(stdout) as number[];
    assert.ok(nices.length > 2, 'Node has threads beside that of the program');
    assert.equal([...new Set(nices)], [19]);
  });

yielding.run();
