// time limit: 600 s
/** The whole of chaos, short: real nodes behind relays, once to the end and once until Ctrl-C. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDirectory, waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

const runs = suite('chaos runs');
const MAIN = fileURLToPath(new URL('../../chaos/main.ts', import.meta.url));
const FIXED = ['--network', 'proxy', '--nodes', '2'];
const TIMEOUT_MS = 300_000;

function startChaos(temporary: string, ...words: string[]) {
  const child = spawn(process.execPath, [MAIN, '--main', PROGRAM, ...FIXED, ...words], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said.stderr += text;
  });
  return { child, said, ended: once(child, 'close') };
}

runs('a short run with cuts and a kill ends with no violation, and leaves nothing', async () => {
  await using temporary = await temporaryDirectory();
  const words = ['--minutes', '0.15', '--seed', '3', '--faults', 'cut pair,kill'];
  const { said, ended } = startChaos(temporary.path, ...words);
  const [code] = await ended;
  assert.is(code, 0, `${said.stdout}\n${said.stderr}`);
  const total = JSON.parse(said.stdout.trimEnd().split('\n').at(-1) ?? '');
  assert.is(total.violations, 0);
  assert.is(total.seeds, 1);
  assert.ok(total.writes > 0);
  assert.equal(readdirSync(temporary.path), []);
});

runs('Ctrl-C ends the nodes and removes the folder', async () => {
  await using temporary = await temporaryDirectory();
  const { child, said, ended } = startChaos(temporary.path, '--minutes', '10', '--verbose');
  const folder = join(temporary.path, `hearsay-chaos-${child.pid}`);
  await waitFor(() => said.stderr.includes('The nodes serve'), TIMEOUT_MS, 'the nodes serve');
  assert.ok(existsSync(folder));
  child.kill('SIGINT');
  const [code] = await ended;
  assert.is(code, 130);
  assert.not.ok(existsSync(folder));
});

runs.run();
