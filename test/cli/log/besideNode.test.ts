/** Some commands give way to a node before the program is loaded. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const beside = suite('a command that begins beside the node of its log');

const SOURCE = new URL('../../../src/cli/log/besideNode.ts', import.meta.url).href;
const LOWEST = 19;

/** @returns the nice value of a process after the words, in an environment. */
async function priorityAfter(
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  const program = `
    (await import('${SOURCE}')).yieldEarly(${JSON.stringify(words)}, ${JSON.stringify(env)});
    console.log((await import('node:os')).getPriority());`;
  const options = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: tmpdir() });
  return Number(stdout);
}

/** The directory of a log that a node has open, or that has none. */
function logDirectory(isOpen: boolean): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'beside-'));
  writeFileSync(join(path, 'hearsay.db'), '');
  if (isOpen) writeFileSync(join(path, 'hearsay.db-wal'), 'frames');
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

beside('gives way where it names the directory of a log that is open', async () => {
  using open = logDirectory(true);
  for (const words of [
    ['log', 'tail', '-f', '--data-dir', open.path],
    ['log', 'verify', `--data-dir=${open.path}`],
    ['log', 'diff', open.path, '/elsewhere'],
    ['log', 'stat', '--data-dir', join(open.path, 'hearsay.db')],
  ])
    assert.is(await priorityAfter(words), LOWEST, words.join(' '));
  assert.is(await priorityAfter(['log', 'stat'], { DATA_DIR: open.path }), LOWEST);
});

beside('gives way where it names a node of this machine', async () => {
  for (const host of ['localhost', '127.0.0.1', '[::1]'])
    assert.is(await priorityAfter(['log', 'stat', '--url', `http://${host}:8000`]), LOWEST);
  assert.is(await priorityAfter(['log', 'at', 'now', '--url=http://localhost:8000']), LOWEST);
  assert.is(await priorityAfter(['log', 'at'], { HEARSAY_URL: 'http://localhost' }), LOWEST);
});

beside('keeps its priority elsewhere, and where it writes', async () => {
  using closed = logDirectory(false);
  using open = logDirectory(true);
  const own = await priorityAfter([]);
  for (const words of [
    ['log', 'verify', '--data-dir', closed.path],
    ['log', 'stat', '--url', 'http://node1.example:8000'],
    ['log', 'import', 'ops.jsonl', '--url', 'http://localhost:8000'],
    ['get', 'key', '--url', 'http://localhost:8000'],
    ['backup', open.path],
  ])
    assert.is(await priorityAfter(words), own, words.join(' '));
});

beside.run();
