/** The processor time of another process. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processorMs } from '../../bench/processorTime.ts';
import { temporaryDirectory } from '../support/processes.ts';

const test = suite('processor time');

test('a thread that ended after the threads were listed is left out', async () => {
  await using directory = await temporaryDirectory();
  const threads = join(directory.path, '7', 'task');
  for (const thread of ['7', '8', '9']) await mkdir(join(threads, thread), { recursive: true });
  await writeFile(join(threads, '7', 'schedstat'), '2000000 10 3\n');
  await writeFile(join(threads, '9', 'schedstat'), '500000 10 3\n');
  assert.is(processorMs(7, directory.path), 2.5);
});

test('a file of a thread that can not be read for another reason is told', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(join(directory.path, '7', 'task', '7', 'schedstat'), { recursive: true });
  assert.throws(() => processorMs(7, directory.path), /EISDIR/);
});

test.run();
