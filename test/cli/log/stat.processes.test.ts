/** `hearsay log stat` of logs whose end is lost, or whose times are ahead of the clock. */
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileOf, longStory, tamper, write, writeStory } from '../../log/tools/files.ts';
import { fails, jsonOf, succeeds } from '../../log/tools/run.ts';
import { temporaryDirectory } from '../../support/processes.ts';

const test = suite('log stat');

test('the last lsn of a torn log is unknown, and no number that it never reached', async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await writeStory(longStory(400), data);
  const { size } = await stat(fileOf(data));
  await truncate(fileOf(data), Math.floor(size / 2));
  const words = ['log', 'stat', '--data-dir', data];
  assert.match(await fails(1, /cut short/, ...words), /\n {2}lsn +1 to unknown\n/);
  const [json] = (await fails(1, /cut short/, ...words, '--json')).split('\n');
  assert.match(json ?? '', /"first_lsn":1,"last_lsn":null,/);
});

test('a newest op from a clock that was ahead is told as ahead, and not as just now', async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await writeStory([write(0, 'a', 1, '1')], data);
  const aheadAt = Date.now() + 10 * 3_600_000;
  tamper(data, `UPDATE op SET committed_at = ${aheadAt} WHERE lsn = 3`);
  const { stdout } = await succeeds('log', 'stat', '--data-dir', data);
  assert.match(stdout, /\n {2}newest +\S+ \S+ UTC, (9h59m|10h) ahead of the clock\n/);
  const [json] = await jsonOf('log', 'stat', '--data-dir', data);
  assert.is(json?.last_lsn, 3);
});

test.run();
