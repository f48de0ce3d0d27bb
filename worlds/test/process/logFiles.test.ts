/** Logs of processes that hold their files open stay short. */
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDirectory } from '../../../test/support/processes.ts';
import { emptyLongLogs } from '../../process/logFiles.ts';

const logFiles = suite('log files');

logFiles('a log that is too long is put beside, and goes on from its start', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'api.log');
  const log = openSync(path, 'a');
  writeSync(log, 'a'.repeat(100));
  writeFileSync(join(directory.path, 'short.log'), 'b'.repeat(99));
  writeFileSync(join(directory.path, 'slots.sqlite'), 'c'.repeat(1000));
  assert.equal(emptyLongLogs(directory.path, 99), ['api.log']);
  writeSync(log, 'next\n');
  assert.is(readFileSync(path, 'utf8'), 'next\n');
  assert.is(statSync(`${path}.1`).size, 100);
  assert.equal(emptyLongLogs(directory.path, 99), []);
  closeSync(log);
});

logFiles.run();
