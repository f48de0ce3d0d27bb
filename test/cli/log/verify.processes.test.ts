/** `hearsay log verify` of a log whose end is lost. */
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileOf, longStory, writeStory } from '../../log/tools/files.ts';
import { fails } from '../../log/tools/run.ts';
import { temporaryDirectory } from '../../support/processes.ts';

const test = suite('log verify');

test('a cut is told once, as the first fault', async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await writeStory(longStory(400), data);
  const { size } = await stat(fileOf(data));
  await truncate(fileOf(data), Math.floor(size / 2));
  const words = ['log', 'verify', '--data-dir', data];
  const onlyCount = /^The log \S+ is damaged: \d+ faults, the first of them first\.\n$/;
  assert.match(await fails(1, onlyCount, ...words), /^The file is cut short: of its \d+ pages of /);
  const [json] = (await fails(1, onlyCount, ...words, '--json')).split('\n');
  assert.match(json ?? '', /"kind":"file",.*"text":"The file is cut short: of its \d+ pages/);
});

test.run();
