// time limit: 240 s
/** The examples that `--help` shows, pasted into a shell: each must do what it says. */
import { execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clusterOf } from '../../../src/cli/remote/clusterMembers.ts';
import { RemoteNode } from '../../../src/cli/remote/remoteNode.ts';
import { backUp } from '../../../src/log/files/backup.ts';
import { startCluster, type TestCluster } from '../../support/nodes.ts';
import { runCommand, waitFor } from '../../support/processes.ts';
import { PROGRAM } from '../../support/program.ts';
import { longStory, write, writeStory } from './files.ts';

const test = suite('examples in the help of the tools');

const TOKEN = 'for-tests';

const COMMANDS = [
  ...[
    'tail',
    'at',
    'history',
    'explain',
    'stat',
    'verify',
    'diff',
    'export',
    'import',
    'replay',
    'compact',
  ].map((name) => ['log', name]),
  ['backup'],
  ['restore'],
  ['member', 'list'],
  ['member', 'retire'],
];

async function examplesOf(words: readonly string[]): Promise<string[]> {
  const { code, stdout } = await runCommand([...words, '--help']);
  assert.is(code, 0);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const [, examples = ''] = stdout.split('Examples:\n');
  return examples
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('hearsay'));
}

test('each command shows two, and each of them works', async () => {
  await using cluster = await startCluster();
  const place = await prepare(cluster);
  for (const words of COMMANDS) {
    const examples = await examplesOf(words);
    assert.is(examples.length, 2, words.join(' '));
    for (const example of examples) {
      if (words.includes('retire')) await memberIsThere(cluster, example.includes('--force'));
      const { code, stderr } = await place.paste(
        example,
        words[0] === 'restore' ? 'empty' : 'full',
      );
      assert.is(code, 0, `${example}\n${stderr}`);
    }
  }
});

/** A node that was retired joins again under another origin. @param isConnected else it is lost. */
async function memberIsThere(cluster: TestCluster, isConnected: boolean): Promise<void> {
  const third = cluster.node(2);
  if (isConnected) await third.start();
  else await third.stop();
  await waitFor(
    async () => {
      const view = await clusterOf(new RemoteNode({ url: cluster.node(0).url, token: TOKEN }));
      const member = view.members.find(({ nodeId }) => nodeId === 'node3');
      return member !== undefined && view.connected.has(member.origin) === isConnected;
    },
    30_000,
    'node3 is a member',
  );
}

interface Place {
  paste(
    example: string,
    machine: 'full' | 'empty',
  ): Promise<{ code: number | null; stderr: string }>;
}

/** A folder as the examples take it for granted, with a command called `hearsay`. */
async function prepare(cluster: TestCluster): Promise<Place> {
  const root = join(cluster.directory, 'place');
  const at = (name: string) => join(root, name);
  const steps = [
    write(0, 'user:42', 1, '{"name":"Ada"}'),
    ...longStory(30),
    write(0, 'user:42', 2, '{"name":"Ada L."}'),
  ];
  await mkdir(root);
  await writeStory(steps, at('data'));
  for (const copy of ['node1', 'node2']) {
    await mkdir(at(`data/${copy}`));
    await cp(at('data/hearsay.db'), at(`data/${copy}/hearsay.db`));
  }
  await mkdir(at('machine/backups'), { recursive: true });
  await mkdir(at('machine/var/lib'), { recursive: true });
  await mkdir(at('empty/var/lib'), { recursive: true });
  await cp(at('data'), at('machine/var/lib/hearsay'), { recursive: true });
  await backUp(at('data'), at('backup.db'), () => {});
  await cluster.node(0).put('user:42', { value: { name: 'Ada' }, version: 1 });
  await mkdir(at('bin'));
  await writeFile(at('bin/hearsay'), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  await chmod(at('bin/hearsay'), 0o755);
  const { url } = cluster.node(0);
  return {
    paste: (example, machine) => {
      const command = example
        .replaceAll('http://localhost:8001', url)
        .replaceAll('/var/lib', at(machine === 'full' ? 'machine/var/lib' : 'empty/var/lib'))
        .replaceAll('/backups', at('machine/backups'));
      // Without an URL, a command that needs a node takes the default one.
      const line = /^hearsay member \w+( \w+)?$/.test(command)
        ? `${command} --url ${url}`
        : command;
      const env = {
        ...process.env,
        PATH: `${at('bin')}:${process.env.PATH}`,
        INTERNAL_TOKEN: TOKEN,
      };
      return / -f /.test(line) ? pasteEndless(line, root, env) : pasteOne(line, root, env);
    },
  };
}

const pasteOne = (line: string, cwd: string, env: NodeJS.ProcessEnv) =>
  new Promise<{ code: number | null; stderr: string }>((resolve) => {
    const child = execFile('sh', ['-c', line], { cwd, env }, (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode, stderr }),
    );
  });

/** A command that follows ends with Ctrl-C, which comes once it has shown something. */
async function pasteEndless(line: string, cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn('sh', ['-c', `exec ${line}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdout.once('data', () => child.kill('SIGINT'));
  return new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

test.run();
