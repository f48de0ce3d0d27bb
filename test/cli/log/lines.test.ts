/** Files of lines as editors and shells leave them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, readLine } from '../../../src/cli/log/lines.ts';
import { parseLine } from '../../../src/log/tools/rowLine.ts';
import { HearsayError, SettingError } from '../../../src/words/errors.ts';
import { temporaryDirectory } from '../../support/processes.ts';

const lines = suite('lines');

async function linesIn(content: string | Buffer): Promise<[number, string][]> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'file');
  await writeFile(file, content);
  const found: [number, string][] = [];
  for await (const { number, text } of linesOf(file, () => true)) found.push([number, text]);
  return found;
}

lines('the mark of UTF-8 is no part of the first line, nor is a blank line one', async () => {
  assert.equal(await linesIn('\ufeff{"a":1}\n\n \r\n{"b":\ufeff2}\n{"c":3}'), [
    [1, '{"a":1}'],
    [4, '{"b":\ufeff2}'],
    [5, '{"c":3}'],
  ]);
  assert.equal(await linesIn('\ufeff{"a":1}'), [[1, '{"a":1}']]);
});

for (const bytes of [
  Buffer.from('\ufeff{"a":1}\n', 'utf16le'),
  Buffer.from('\ufeff{"a":1}\n', 'utf16le').swap16(),
])
  lines(`UTF-16 that begins with ${bytes.subarray(0, 2).toString('hex')} is named`, async () => {
    let error: unknown = null;
    await linesIn(bytes).catch((reason: unknown) => {
      error = reason;
    });
    assert.instance(error, SettingError);
    assert.match(String(error), /is in UTF-16: save it as UTF-8\./);
  });

lines('a line that is none is told by its number', () => {
  assert.throws(
    () => readLine({ text: 'x', number: 7, endByte: 0 }, parseLine),
    (error: unknown) =>
      error instanceof HearsayError && /^Line 7: A line is not one of a log/.test(error.message),
  );
});

lines.run();
