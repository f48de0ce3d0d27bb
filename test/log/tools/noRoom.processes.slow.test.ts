/** Commands whose files are none, or take nothing: one sentence each, and nothing left behind. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { cp, mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDirectory } from '../../support/processes.ts';
import { PROGRAM } from '../../support/program.ts';
import { runShared } from '../../support/sharedCommands.ts';
import { fileOf, longStory, writeStory } from './files.ts';
import { succeeds } from './run.ts';

const test = suite('files that take nothing');

const run = promisify(execFile);
const FULL = '/dev/full';
/** The message for a person is one line. */
const SENTENCE = /^[^\n]+\.\n$/;

/** The text on stderr where stdout has no room. */
async function toFull(...words: readonly string[]): Promise<{ code: unknown; stderr: string }> {
  const full = openSync(FULL, 'w');
  try {
    const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', full, 'pipe'] });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    return { code, stderr };
  } finally {
    closeSync(full);
  }
}

test('what is no whole log is not restored, in one sentence, and leaves nothing behind', async () => {
  await using root = await temporaryDirectory();
  const at = (name: string) => join(root.path, name);
  await writeStory(longStory(300), at('data'));
  await writeFile(at('text'), 'this is no database at all');
  await writeFile(at('empty'), '');
  for (const [name, bytes] of [
    ['short', 50],
    ['cut', 30_000],
  ] as const) {
    await cp(fileOf(at('data')), at(name));
    await truncate(at(name), bytes);
  }
  await mkdir(at('there'));
  for (const file of ['text', 'empty', 'short', 'cut'])
    for (const directory of ['new', 'there']) {
      const words = ['restore', at(file), '--data-dir', at(directory)];
      const { code, stdout, stderr } = await runShared(words);
      assert.equal([code, stdout], [1, ''], `${file}: ${stderr}`);
      assert.match(stderr, SENTENCE);
      assert.match(stderr, /is damaged or no log of Hearsay, and was not copied/);
      assert.equal(await readdir(at('there')), []);
      assert.not.ok(existsSync(at('new')), file);
    }
});

if (existsSync(FULL)) {
  test('an export into a pipe or a device is written and not synced', async () => {
    await using root = await temporaryDirectory();
    await writeStory(longStory(20), root.path);
    const words = ['log', 'export', '--data-dir', root.path];
    const { stdout } = await succeeds(...words);
    const pipe = ['-c', '"$@" | cat', 'sh', process.execPath, PROGRAM, ...words];
    const piped = await run('sh', [...pipe, '--output', '/dev/stdout']);
    const withoutTime = (text: string) => text.replace(/"at_ms":\d+/, '');
    assert.is(withoutTime(piped.stdout), withoutTime(stdout));
    assert.not.match(piped.stderr, /can't be written/);
    await succeeds(...words, '--output', '/dev/null');
  });

  test('an export that finds no room says so in one sentence', async () => {
    await using root = await temporaryDirectory();
    await writeStory(longStory(20), root.path);
    const { code, stderr } = await runShared([
      ...['log', 'export', '--data-dir', root.path],
      ...['--output', FULL],
    ]);
    assert.is(code, 1);
    assert.match(stderr, SENTENCE);
    assert.match(stderr, /^The file \/dev\/full can't be written: no room is left;/);
  });

  test('output that finds no room fails and says why', async () => {
    for (const words of [['--help'], ['--version']])
      assert.equal(await toFull(...words), {
        code: 1,
        stderr: "The output can't be written: no room is left.\n",
      });
  });
}

test.run();
