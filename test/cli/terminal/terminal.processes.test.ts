// time limit: 120 s
/** Commands on a real terminal, which `script` of util-linux makes, and on a copy of a log. */
import { execFile, spawnSync } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../support/nodes.ts';
import { PROGRAM } from '../../support/program.ts';
import { runShared } from '../../support/sharedCommands.ts';

const terminal = suite('terminal');
const run = promisify(execFile);

const noTerminal = spawnSync('script', ['--version']).error !== undefined;
if (noTerminal) console.log('`script` is not installed: no command is tried on a real terminal.');
const onTerminal = noTerminal ? terminal.skip : terminal;

/** The lines that a terminal shows; 0 columns is what many programs that make one leave. */
async function linesAt(columns: number, words: readonly string[]): Promise<string[]> {
  const command = [process.execPath, PROGRAM, ...words].join(' ');
  const shell = `stty cols ${columns}; exec ${command}`;
  const env = { ...process.env, COLUMNS: undefined };
  const { stdout } = await run('script', ['-qec', shell, '/dev/null'], { env });
  return stdout.replaceAll('\r', '').trimEnd().split('\n');
}

onTerminal('no value loses its end, however many columns the terminal names', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { url, dataDir } = cluster.node(0);
  for (const [key, value] of [
    ['a', true],
    ['b', 1],
    ['k'.repeat(60), 'v'.repeat(60)],
  ] as const)
    assert.is((await cluster.node(0).put(key, { value, version: 1 })).status, 200);
  for (const columns of [0, 40, 80]) {
    const lines = await linesAt(columns, ['list', '--url', url]);
    assert.match(lines[0] ?? '', /^a +v1 +true$/);
    assert.match(lines[1] ?? '', /^b +v1 +1$/);
    assert.is(lines.length, 3);
    for (const line of lines) assert.ok(line.length <= (columns || 80), `${columns}: ${line}`);
  }
  const why = await linesAt(80, ['log', 'explain', 'a', '--data-dir', dataDir]);
  assert.match(why.join(' ').replaceAll(/\s+/g, ' '), /the greatest op of its key/);
  for (const line of why) assert.ok(line.length <= 80, line);

  const copy = join(cluster.directory, 'copy.db');
  await copyFile(join(dataDir, 'hearsay.db'), copy);
  const verified = await runShared(['log', 'verify', '--data-dir', copy]);
  assert.match(
    verified.stderr,
    /holds no op\. If it is a copy, its hearsay\.db-wal may be missing/,
  );
  const whole = await runShared(['log', 'verify', '--data-dir', dataDir]);
  assert.is(whole.stderr, '');
});

terminal('help that nobody reads to its end is no failure, also that of a server', async () => {
  const command = `"${process.execPath}" "${PROGRAM}" serve --help | true`;
  assert.is((await run('bash', ['-c', command])).stderr, '');
});

terminal.run();
