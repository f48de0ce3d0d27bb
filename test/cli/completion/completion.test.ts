/** The words that a shell offers, from the tree of commands, and the scripts by which shells ask. */
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Command, Option } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { completionOf } from '../../../src/cli/completion/candidates.ts';
import { SCRIPTS, SHELLS } from '../../../src/cli/completion/scripts.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';

const completion = suite('completion');

function tree(): Command {
  const program = new Command('hearsay');
  program
    .command('get')
    .summary('print a value')
    .argument('<key>')
    .option('--after <token>', 'wait')
    .addOption(new Option('--output <form>').choices(['table', 'json']))
    .addOption(new Option('--secret').hideHelp());
  program.command('complete', { hidden: true });
  const log = program.command('log');
  log.command('tail').option('-f, --follow').option('--data-dir <directory>');
  log.command('at').argument('<point>').argument('[key]');
  return program;
}

const texts = (...words: string[]): string[] =>
  completionOf(tree(), words).candidates.map(({ text }) => text);
const wanted = (...words: string[]) => completionOf(tree(), words).wanted;

completion('commands come first, those that begin so, and no hidden one', () => {
  assert.equal(texts(''), ['get', 'log', 'help']);
  assert.equal(texts('g'), ['get']);
  assert.equal(texts('c'), []);
  assert.equal(texts('log', ''), ['tail', 'at', 'help']);
  assert.equal(completionOf(tree(), ['g']).candidates, [{ text: 'get', about: 'print a value' }]);
});

completion('options come after a dash, and their values after them', () => {
  assert.equal(texts('get', '--'), ['--after', '--output', '--help']);
  assert.equal(texts('get', '--output', ''), ['table', 'json']);
  assert.equal(texts('get', '--output', 'j'), ['json']);
  assert.equal(texts('get', '--output=t'), ['--output=table']);
  assert.equal(texts('get', '--after', ''), []);
  assert.is(wanted('log', 'tail', '--data-dir', ''), 'files');
  assert.equal(texts('get', '--', '--'), []);
});

completion('an argument tells which words it wants', () => {
  assert.is(wanted('get', 'us'), 'keys');
  assert.is(wanted('get', '--after', 'x', 'us'), 'keys');
  assert.is(wanted('get', 'a', 'b'), null);
  assert.is(wanted('log', 'tail', '-f', ''), null);
  assert.is(wanted('log', 'at', 'lsn:1', 'k'), 'keys');
});

completion('the real tree is asked by `hearsay complete`', async () => {
  const asked = async (...words: string[]) =>
    (await runShared(['complete', '--', ...words])).stdout
      .split('\n')
      .map((line) => line.split('\t')[0]);
  assert.ok((await asked('st')).includes('status'));
  assert.not.ok((await asked('')).includes('complete'));
  assert.equal(await asked('log', 'ver'), ['verify', '']);
  assert.ok((await asked('serve', '--max-mem')).includes('--max-memory'));
  assert.equal(await asked('completion', ''), ['bash', 'zsh', 'fish', '']);
  assert.equal(await asked('backup', ''), [':files', '']);
  assert.equal(await asked('get', 'k', '--url', 'http://127.0.0.1:2'), ['']);
});

completion('a shell that is none is refused', async () => {
  const { code, stderr } = await runShared(['completion', 'tcsh']);
  assert.is(code, 2);
  assert.match(stderr, /Allowed choices are bash, zsh, fish/);
});

for (const shell of SHELLS)
  completion(`${shell} takes its script`, async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'script');
    await writeFile(file, SCRIPTS[shell]);
    const { error, status, stderr } = spawnSync(shell, ['-n', file]);
    if (error !== undefined) console.log(`skipped a part: ${shell} is not installed.`);
    else assert.is(status, 0, String(stderr));
  });

/** A program that offers two keys. @returns the environment that finds it first. */
async function withProgram(directory: string): Promise<NodeJS.ProcessEnv> {
  const program = join(directory, 'hearsay');
  await writeFile(
    program,
    "#!/bin/sh\nprintf '%s\\n' \"$@\" >&2\nprintf 'user:1\\tone\\nuser:2\\n'\n",
  );
  await chmod(program, 0o755);
  return { ...process.env, PATH: `${directory}${delimiter}${process.env.PATH}` };
}

completion('fish offers the words of the program with their meaning', async () => {
  await using directory = await temporaryDirectory();
  const env = await withProgram(directory.path);
  const script = `${SCRIPTS.fish}\ncomplete -C 'hearsay get us'`;
  const words = ['--no-config', '-c', script];
  const { error, stdout } = spawnSync('fish', words, {
    env: { ...env, HOME: directory.path },
  });
  if (error !== undefined) console.log('skipped a part: fish is not installed.');
  else assert.is(String(stdout), 'user:1\tone\nuser:2\n');
});

completion('bash offers the rest of a word that has a colon', async () => {
  await using directory = await temporaryDirectory();
  const env = await withProgram(directory.path);
  const script = `${SCRIPTS.bash}
    COMP_LINE='hearsay get user:' COMP_POINT=17 COMP_WORDS=(hearsay get user :) COMP_CWORD=3
    _hearsay
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { error, stdout } = spawnSync('bash', ['-c', script], { env });
  if (error !== undefined) console.log('skipped a part: bash is not installed.');
  else assert.is(String(stdout), '1\n2\n');
});

completion.run();
