/** The command keeps its compiled code where only this user can write, and does without where it can't. */
import { execFile } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageVersion } from '../../src/node/version.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

const run = promisify(execFile);
const compiled = suite('compiled code');

const version = async (cache: string): Promise<string> => {
  const { NODE_COMPILE_CACHE: _, ...environment } = process.env;
  const env = { ...environment, XDG_CACHE_HOME: cache };
  return (await run(process.execPath, [PROGRAM, '--version'], { env })).stdout.trim();
};

compiled('it is kept in a directory of this user alone', async () => {
  await using directory = await temporaryDirectory();
  assert.is(await version(directory.path), packageVersion());
  const place = join(directory.path, 'hearsay');
  assert.is((await stat(place)).mode & 0o777, 0o700);
  assert.ok((await readdir(place)).length > 0);
});

compiled('a command runs where there is no room for it', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'file');
  await writeFile(file, '');
  assert.is(await version(file), packageVersion());
});

compiled.run();
