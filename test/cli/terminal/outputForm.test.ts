/** `--output` and `--json`, and colours, as all commands have them. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { write, writeStory } from '../../log/tools/files.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';

const outputForm = suite('output form');

outputForm('json is one document, ndjson a line for each, and a table the default', async () => {
  await using directory = await temporaryDirectory();
  const file = ['--file', join(directory.path, 'tokens.json')];
  for (const id of ['a', 'b'])
    await runShared(['token', 'create', ...file, '--id', id, '--scopes', 'read']);
  const list = async (...words: string[]) => runShared(['token', 'list', ...file, ...words]);
  const ids = (tokens: readonly { id: string }[]): string[] => tokens.map(({ id }) => id);

  const document = await list('--output', 'json');
  assert.is(document.code, 0, document.stderr);
  assert.equal(ids(JSON.parse(document.stdout)), ['a', 'b']);
  const lines = await list('--output', 'ndjson');
  assert.equal(
    ids(
      lines.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ),
    ['a', 'b'],
  );
  assert.is((await list('--json')).stdout, lines.stdout);
  const table = await list();
  assert.match(table.stdout, /^ID /);
  assert.is((await list('--output', 'table')).stdout, table.stdout);

  const both = await list('--json', '--output', 'json');
  assert.is(both.code, 2);
  assert.match(both.stderr, /'--output <form>' cannot be used with option '--json'/);
  const other = await list('--output', 'yaml');
  assert.is(other.code, 2);
  assert.match(other.stderr, /Allowed choices are table, json, ndjson/);
});

outputForm('a command with one result takes the same forms, and prints one line', async () => {
  await using directory = await temporaryDirectory();
  await writeStory([write(0, 'a', 1, '1')], directory.path);
  const stat = (...words: string[]) =>
    runShared(['log', 'stat', '--data-dir', directory.path, ...words]);
  const [line, document] = [await stat('--output', 'ndjson'), await stat('--output', 'json')];
  assert.is(line.code, 0, line.stderr);
  assert.is(line.stdout.split('\n').length, 2);
  assert.equal(Object.keys(JSON.parse(line.stdout)), Object.keys(JSON.parse(document.stdout)));
});

outputForm('nothing found is an empty document, and a failure prints none', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'tokens.json');
  await runShared(['token', 'create', '--file', file, '--id', 'a', '--scopes', 'read']);
  await runShared(['token', 'revoke', '--file', file, 'a']);
  const none = await runShared(['token', 'list', '--file', file, '--output', 'json']);
  assert.is(none.stdout, '[]\n', none.stderr);
  const words = ['log', 'history', 'a', '--data-dir', directory.path, '--output', 'json'];
  const failed = await runShared(words);
  assert.is.not(failed.code, 0);
  assert.is(failed.stdout, '');
});

outputForm('titles are bold by FORCE_COLOR, and plain by NO_COLOR and elsewhere', async () => {
  await using directory = await temporaryDirectory();
  const file = ['--file', join(directory.path, 'tokens.json')];
  await runShared(['token', 'create', ...file, '--id', 'a', '--scopes', 'read']);
  const headOf = async (environment: Record<string, string>): Promise<string> =>
    (await runShared(['token', 'list', ...file], environment)).stdout.split('\n')[0] ?? '';
  assert.ok((await headOf({ FORCE_COLOR: '1' })).startsWith('\x1b[1mID '));
  assert.match(await headOf({ NO_COLOR: '1' }), /^ID /);
  assert.match(await headOf({}), /^ID /);
});

outputForm.run();
