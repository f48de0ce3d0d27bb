// time limit: 120 s
/** Exports of damaged logs, exports into files that exist already, and interrupted imports. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDirectory } from '../../support/processes.ts';
import { fileOf, withCopies, write, writeStory } from './files.ts';
import { fails, succeeds } from './run.ts';

const salvage = suite('what exports leave out, and what stands in their way');

const PAGE_BYTES = 4096;
const LONG = JSON.stringify('long '.padEnd(20_000, 'z'));

salvage('an entry whose row can not be read is left out and named; the others are exported', () =>
  withCopies(
    [write(0, 'a', 1, '1'), write(0, 'long', 1, LONG), write(0, 'z', 1, '3')],
    async (copy) => {
      const data = await copy();
      await breakOverflow(fileOf(data));
      const stdout = await fails(
        1,
        /"long" is left out: its row at lsn 4 can not be read\.\n2 entries, as of/,
        ...['log', 'export', '--data-dir', data],
      );
      const keys = stdout
        .split('\n')
        .filter((line) => line.startsWith('{"key"'))
        .map((line) => JSON.parse(line).key);
      assert.equal(keys, ['a', 'z']);
    },
  ),
);

salvage('a file that holds another export is not taken for what was asked for', async () => {
  await using root = await temporaryDirectory();
  const [data, later] = ['data', 'later'].map((name) => join(root.path, name));
  assert.ok(data && later);
  const story = [write(0, 'a', 1, '1'), write(0, 'b', 1, '2')];
  await writeStory(story, data);
  await writeStory([...story, write(0, 'c', 1, '3')], later);
  const output = ['--output', join(root.path, 'export.jsonl')];
  await succeeds('log', 'export', '--data-dir', data, ...output);
  const { stderr } = await succeeds('log', 'export', '--data-dir', data, ...output);
  assert.match(stderr, /is whole already: nothing was written/);
  const other = ['log', 'export', ...output];
  await fails(2, /is an export of entries/, ...other, '--as-ops', '--data-dir', data);
  await fails(2, /of another log or another moment: remove it/, ...other, '--data-dir', later);
  await fails(2, /of another log or another moment/, ...other, '--data-dir', data, '--at', 'lsn:2');
});

salvage(
  'a node does not start in the place of an import or a restore that was cut off',
  async () => {
    await using root = await temporaryDirectory();
    for (const [folder, command] of [
      ['importing', /the files of an interrupted `hearsay log import`: run that command again/],
      ['restoring', /the files of an interrupted `hearsay restore`/],
    ] as const) {
      const data = join(root.path, folder);
      await mkdir(join(data, folder), { recursive: true });
      await fails(1, command, 'serve', '--port', '0', '--data-dir', data);
    }
  },
);

salvage.run();

/** The first page that holds nothing but a part of a long value points elsewhere. */
async function breakOverflow(file: string): Promise<void> {
  const bytes = await readFile(file);
  const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) => page * PAGE_BYTES);
  const start = pages.find((at) => bytes.subarray(at + 4, at + PAGE_BYTES).every(isOfLong));
  assert.ok(start !== undefined);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(4, 0xff), 0, 4, start);
  await handle.close();
}

const isOfLong = (byte: number): boolean => byte === 'z'.charCodeAt(0);
