/** The `hearsay` command itself: help, version, wrong usage, exit codes. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeSettings } from '../../src/node/settingKinds.ts';
import { settingsShape } from '../../src/node/settings.ts';
import { runCommand, temporaryDirectory } from '../support/processes.ts';
import { PROGRAM, SOURCES } from '../support/program.ts';
import { runShared } from '../support/sharedCommands.ts';

const commands = suite('commands');

const COLUMNS = 80;
const root = new URL('../../', import.meta.url);

commands('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const { code, stdout, stderr } = await runCommand(['--version']);
  assert.equal({ code, stdout, stderr }, { code: 0, stdout: `${version}\n`, stderr: '' });
});

commands('what tests start shows the help of the sources', async () => {
  const shown = (file: string): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(process.execPath, [file, '--help'], (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  assert.is(await shown(PROGRAM), await shown(SOURCES));
});

const WITH_EXAMPLES = [
  '',
  'serve',
  ...['cluster', 'status', 'top', 'completion', 'log what-if'],
  ...['add', 'list', 'use', 'remove'].map((name) => `context ${name}`),
  ...['ca', 'server', 'client', 'peer'].map((name) => `tls ${name}`),
  ...['create', 'list', 'revoke', 'check'].map((name) => `token ${name}`),
].map((name) => [...name.split(' ').filter((word) => word !== ''), '--help']);

for (const words of WITH_EXAMPLES) {
  commands(`${words.join(' ')} fits ${COLUMNS} columns and has examples`, async () => {
    const { code, stdout, stderr } = await runShared(words);
    assert.is(code, 0);
    assert.is(stderr, '');
    assert.match(stdout, /\nExamples:\n {2}hearsay /);
    assert.equal(
      stdout.split('\n').filter((line) => line.length > COLUMNS),
      [],
    );
  });
}

commands('a reader that ends is no failure', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--help'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child.stdout.destroy();
  assert.equal(await once(child, 'exit'), [0, null]);
});

commands('an end that is no duration is refused with the units that it may have', async () => {
  const words = ['token', 'create', '--file', 'none', '--id', 'a', '--scopes', 'read'];
  const { code, stderr } = await runShared([...words, '--expires', '3x']);
  assert.is(code, 2);
  assert.match(stderr, /a duration such as 12h or 90d, or a time that is to come, such as 2099-/);
});

commands('help is asked for as elsewhere', async () => {
  const pages = [
    ['log', '--help'],
    ['log', '-h'],
    ['help', 'log'],
    ['log', 'help'],
  ];
  const texts = await Promise.all(pages.map(async (words) => (await runShared(words)).stdout));
  assert.match(texts[0] ?? '', /^Usage: hearsay log /);
  for (const text of texts) assert.is(text, texts[0]);
  assert.match((await runShared(['-V'])).stdout, /^\d+\.\d+\.\d+/);
});

const WITH_TRUST = [
  ...['tail', 'at', 'history', 'explain', 'what-if', 'stat', 'verify'].map((name) => `log ${name}`),
  ...['diff', 'export', 'import', 'replay', 'compact'].map((name) => `log ${name}`),
  ...['member list', 'member retire', 'get', 'put', 'list', 'watch', 'status', 'top'],
];

commands('a command tells its own options first, and those of trust last', async () => {
  for (const name of WITH_TRUST) {
    const { stdout } = await runShared([...name.split(' '), '--help']);
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(
      ([, option]) => option,
    );
    const trust = ['--token', '--token-file', '--ca', '--context', '--plain-http', '--help'];
    assert.equal(options.slice(-trust.length), trust, name);
  }
});

commands('serve --help names every setting', async () => {
  const { stdout } = await runShared(['serve', '--help']);
  for (const { flag, environment } of describeSettings(settingsShape)) {
    assert.match(stdout, new RegExp(`${flag} [<[]`));
    assert.match(stdout, new RegExp(`[( ]${environment}[,)]`));
  }
});

const WRONG_USAGE: readonly (readonly [words: string[], reason: RegExp])[] = [
  [[], /Usage: hearsay/],
  [['srve'], /unknown command 'srve'\n\(Did you mean serve\?\)/],
  [['log', 'histroy'], /\(Did you mean history\?\)/],
  [['tial'], /^There is no command tial: the nearest is `hearsay log tail`\.\n$/],
  [['compact'], /^There is no command compact by itself: it is `hearsay log compact`\.\n$/],
  [['log', 'compact', 'a.db'], /\nName the log by --data-dir or --url\.\n$/],
  [['log', 'what-if'], /^Say what to leave out, by --without, --without-origin or --until\.\n$/],
  [['log', 'what-if', '--without', 'x'], /It must be the id of an op, such as node1\.k3x9z2\/42/],
  [['serve', '--nope'], /unknown option '--nope'/],
  [['cluster', '--node-id', 'a'], /unknown option '--node-id'/],
  [['serve', 'extra'], /too many arguments/],
  [['serve', '--port'], /argument missing/],
  [['serve', '--port', 'x'], /^--port \(PORT\) must be [^\n]+\.\n$/],
  [['serve', '--port', '6000'], /^--port \(PORT\) must not be 6000: fetch refuses [^\n]+\.\n$/],
  [['cluster', '--first-port', '10079'], /must not be 10080: fetch refuses/],
  [['serve', '--log-level', 'loud'], /must be fatal, error, warn, info, debug, trace or silent/],
  [['cluster', '--nodes', '0'], /^--nodes must be [^\n]+\.\n$/],
  [['serve', '--host', '0.0.0.0'], /^A node that listens on 0\.0\.0\.0 needs a token [^\n]+\.\n$/],
];

for (const [words, reason] of WRONG_USAGE) {
  commands(`exits with 2 on: hearsay ${words.join(' ')}`, async () => {
    const { code, stdout, stderr } = await runShared(words);
    assert.match(stderr, reason);
    assert.is(stdout, '');
    assert.is(code, 2);
  });
}

commands('a bad environment variable is wrong usage too', async () => {
  const { code, stderr } = await runShared(['serve'], { JOIN_TIMEOUT: '5' });
  assert.match(stderr, /^--join-timeout \(JOIN_TIMEOUT\) must be [^\n]+\.\n$/);
  assert.is(code, 2);
});

commands('an older Node is refused before anything else is loaded', async () => {
  await using directory = await temporaryDirectory();
  // Alone in its directory, where an import of anything else would fail.
  const main = join(directory.path, 'main.mjs');
  const source = readFileSync(new URL('src/main.ts', root), 'utf8');
  await writeFile(main, stripTypeScriptTypes(source));
  for (const version of ['18.20.4', '20.20.2', '23.11.0']) {
    const { code, stderr } = await runMainAs(version, main);
    assert.is(
      stderr,
      `Hearsay needs Node 24 or newer, and this is Node ${version}: install one from nodejs.org.\n`,
    );
    assert.is(code, 1);
  }
  const { stderr } = await runMainAs('24.0.0', main);
  assert.match(stderr, /ERR_MODULE_NOT_FOUND/);
});

commands.run();

function runMainAs(version: string, main: string): Promise<{ code: number; stderr: string }> {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } });`;
  const words = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, main];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, words, (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stderr }),
    );
  });
}
