/** `hearsay get | put | delete | list | watch`: their words, their output, their exit codes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startNode } from '../../../src/index.ts';
import {
  BOOKMARK,
  deleteOf,
  putOf,
  RESET,
  ScriptedWatch,
  SYNCED,
} from '../../client/watch/scriptedWatch.ts';
import { START_MS, type TestServer, withServer } from '../../http/testServer.ts';
import {
  CommandProcess,
  runCommand,
  temporaryDirectory,
  waitFor,
} from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';

const commands = suite('commands');

const NOWHERE = 'http://127.0.0.1:2';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @param url where HEARSAY_URL points. */
async function hearsay(url: string, words: readonly string[], input = ''): Promise<Ran> {
  const { code, stdout, stderr } = await runShared(words, { HEARSAY_URL: url }, input);
  return { code, out: stdout, err: stderr };
}

const test = (
  name: string,
  run: (
    hear: (...words: string[]) => Promise<Ran>,
    server: TestServer,
    url: string,
  ) => Promise<void>,
) =>
  commands(
    name,
    withServer((server) => {
      const url = `http://127.0.0.1:${server.port}`;
      return run((...words) => hearsay(url, words), server, url);
    }),
  );

const done = (out: string): Ran => ({ code: 0, out, err: '' });

test('a value that is put is got, exactly', async (hear) => {
  assert.equal(
    await hear('put', 'a', '{"n": 12345678901234567890, "f": 1.0}'),
    done('version 1\n'),
  );
  assert.equal(await hear('get', 'a'), done('{"n":12345678901234567890,"f":1.0}\n'));
  const { code, out } = await hear('get', 'a', '--json');
  assert.is(code, 0);
  assert.is(
    out,
    '{"key":"a","version":1,"expires_at":null,"value":{"n":12345678901234567890,"f":1.0}}\n',
  );
});

test('VALUE is JSON, or else a text, and --string says that it is a text', async (hear, server) => {
  const stored = async (...words: string[]) => {
    const { code, err } = await hear('put', 'a', ...words);
    assert.is(code, 0, err);
    return JSON.parse((await server.get('/cache/a')).text).value;
  };
  assert.is(await stored('hello world'), 'hello world');
  assert.is(await stored('42'), 42);
  assert.is(await stored('--', '-5'), -5);
  assert.is(await stored('--string', '42'), '42');
  assert.is(await stored('--string', '{'), '{');
  const wrong = await hear('put', 'a', '{"n": 1');
  assert.is(wrong.code, 2);
  assert.match(wrong.err, /begins like JSON and is not JSON/);
  assert.is(wrong.out, '');
});

commands(
  '- reads the value from stdin',
  withServer(async (server) => {
    const url = `http://127.0.0.1:${server.port}`;
    assert.is((await hearsay(url, ['put', 'a', '-'], '{"n":1}\n')).code, 0);
    assert.is((await hearsay(url, ['get', 'a'])).out, '{"n":1}\n');
    assert.is((await hearsay(url, ['put', 'a', '-'], 'hello\n')).code, 0);
    assert.equal(JSON.parse((await server.get('/cache/a')).text).value, 'hello');
    assert.is((await hearsay(url, ['put', 'a', '-', '--string'], 'hello\n')).code, 0);
    assert.equal(JSON.parse((await server.get('/cache/a')).text).value, 'hello\n');
  }),
);

test('an absent key is a failure, told on stderr', async (hear) => {
  assert.equal(await hear('get', 'never'), { code: 1, out: '', err: 'There is no "never".\n' });
});

test('conditions, and a time to live', async (hear, server) => {
  assert.equal(await hear('put', 'a', '1', '--if-absent', '--acks', 'all'), done('version 0\n'));
  const conflict = await hear('put', 'a', '1', '--if-absent');
  assert.is(conflict.code, 1);
  assert.match(conflict.err, /"a" is at version 0/);
  assert.is(conflict.out, '');
  const told = await hear('put', 'a', '1', '--if-absent', '--json');
  assert.is(told.code, 1);
  const { key, status, current_version } = JSON.parse(told.out);
  assert.equal(
    { key, status, current_version },
    { key: 'a', status: 'conflict', current_version: 0 },
  );
  assert.equal(
    await hear('put', 'a', '2', '--if-version', '0', '--ttl', '10s'),
    done('version 1\n'),
  );
  assert.is((await hear('delete', 'a', '--if-version', '0')).code, 1);
  server.advance(10_000);
  assert.is((await hear('get', 'a')).code, 1);
  await hear('put', 'b', '1');
  assert.equal(await hear('delete', 'b', '--if-version', '1'), done('deleted\n'));
  const { out } = await hear('delete', 'b', '--json');
  const { token, ...rest } = JSON.parse(out);
  assert.equal(rest, { key: 'b', existed: false, node: 'node1' });
  assert.type(token, 'string');
});

test('a list, as lines and as JSON', async (hear, server) => {
  await server.put('/cache/u%2F1', { value: { n: 1 }, version: 3 });
  await server.put('/cache/u%2F2', {
    value: '1970-01-01T00:00:00.000Z',
    version: 1,
    meta: { values: ['Date'], v: 1 },
  });
  await server.put('/cache/u%2F%1B3', {
    value: 'x',
    version: 1,
    meta: { values: ['bigint'], v: 1 },
  });
  await server.put('/cache/v', { value: 1, version: 1 });
  const { code, out, err } = await hear('list', 'u/');
  assert.is(code, 0, err);
  const lines = out.split('\n');
  assert.match(lines[0] ?? '', /^"u\/\\u001b3" +v1 +\(The value has annotations/);
  assert.match(lines[1] ?? '', /^u\/1 +v3 +\{"n":1\}$/);
  assert.match(lines[2] ?? '', /^u\/2 +v1 +1970-01-01T00:00:00.000Z$/);
  assert.is(lines.length, 4);
  const rows = (await hear('list', 'u/', '--json')).out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.match(rows[0].error, /annotations/);
  assert.equal(rows[2], {
    key: 'u/2',
    version: 1,
    expires_at: null,
    value: '1970-01-01T00:00:00.000Z',
    meta: { values: ['Date'], v: 1 },
  });
  assert.equal(
    await hear('list', '--keys', '--limit', '2', '--start-after', 'u/1'),
    done('u/2\nv\n'),
  );
});

test('--delimiter prints one level of the tree of keys', async (hear, server) => {
  for (const key of ['u', 'u/1', 'u/2/a', 'u/2/b', 'v'])
    await server.put(`/cache/${encodeURIComponent(key)}`, { value: 'x', version: 1 });
  assert.equal(await hear('list', '--delimiter', '/'), done('u\nu/\nv\n'));
  assert.equal(
    await hear('list', 'u/', '--delimiter', '/', '--json'),
    done('{"key":"u/1","version":1,"expires_at":null}\n{"prefix":"u/2/"}\n'),
  );
});

test('--keys asks the node for no values', async (hear, server) => {
  await server.put('/cache/a', { value: 'x', version: 1 });
  const asked: string[] = [];
  server.server.on('request', ({ url }) => asked.push(url ?? ''));
  assert.equal(await hear('list', '--keys'), done('a\n'));
  assert.equal(await hear('list', '--keys', '--json'), done('"a"\n'));
  assert.is(asked.length, 2);
  for (const url of asked) assert.match(url, /^\/cache\?.*\bvalues=false\b/);
});

test('a value of any depth is printed, as every other is beside it', async (hear, server) => {
  const deep = '['.repeat(20_000) + ']'.repeat(20_000);
  await server.put('/cache/a', `{"value":${deep},"version":1}`);
  await server.put('/cache/b', {
    value: new Date(0),
    version: 1,
    meta: { values: ['Date'], v: 1 },
  });
  await server.put('/cache/c', '{"value":12345678901234567890,"version":1}');
  assert.equal(await hear('get', 'a'), done(`${deep}\n`));
  const head = '{"key":"a","version":1,"expires_at":null,"value":';
  assert.equal(await hear('get', 'a', '--json'), done(`${head}${deep}}\n`));
  const { code, out, err } = await hear('list');
  assert.is(code, 0, err);
  const lines = out.split('\n');
  assert.ok(lines[0]?.endsWith(` ${deep}`));
  assert.match(lines[1] ?? '', /^b +v1 +1970-01-01T00:00:00.000Z$/);
  assert.match(lines[2] ?? '', /^c +v1 +12345678901234567890$/);
  assert.ok((await hear('list', '--json')).out.startsWith(`${head}${deep}}\n`));
});

test('bytes are put with their type and got as they are', async (hear, server, url) => {
  const bytes = '\u0000\u001b[31m"';
  assert.equal(
    await hearsay(url, ['put', 'a', '-', '--type', 'image/png'], bytes),
    done('version 1\n'),
  );
  assert.equal(await hear('get', 'a'), done(bytes));
  assert.match((await hear('list')).out, /^a +v1 +image\/png, 7 bytes$/m);
  const answer = await server.get('/cache/a');
  assert.is(answer.headers['content-type'], 'image/png');
  for (const wrong of [
    ['--type', 'png'],
    ['--type', 'image/png', '--string'],
  ])
    assert.is((await hear('put', 'b', 'x', ...wrong)).code, 2);
});

test('several keys are got at one moment, and absent ones are a failure', async (hear, server, url) => {
  await server.put('/cache/a', { value: { n: 1 }, version: 3, ttl_ms: 60_000 });
  await server.put('/cache/b', { value: 'text', version: 1 });
  await hearsay(url, ['put', 'c', '-', '--type', 'image/png'], 'abc');
  const table = await hear('get', 'c', 'a', 'b');
  assert.equal(
    [table.code, table.out.replaceAll(/ {2,}/g, ' ')],
    [0, 'c v1 image/png, 3 bytes\na v3 {"n":1}\nb v1 "text"\n'],
  );
  const some = await hear('get', 'none', 'b', 'other');
  assert.equal([some.code, some.err], [1, 'There is no "none", no "other".\n']);
  assert.match(some.out, /^b +v1 +"text"\n$/);
  const lines = (await hear('get', 'a', 'c', '--json')).out.trimEnd().split('\n');
  assert.equal(
    lines.map((line) => JSON.parse(line)),
    [
      { key: 'a', version: 3, expires_at: '2026-11-24T12:01:00.000Z', value: { n: 1 } },
      {
        key: 'c',
        version: 1,
        expires_at: null,
        value: { bytes: 'YWJj', type: 'image/png' },
        meta: 'bytes',
      },
    ],
  );
  const document = async (...keys: string[]): Promise<unknown> =>
    JSON.parse((await hear('get', ...keys, '--output', 'json')).out);
  assert.equal(
    await document('a', 'none', 'c'),
    lines.map((line) => JSON.parse(line)),
  );
  assert.equal(await document('a'), JSON.parse(lines[0] ?? ''));
});

commands(
  '--ttl prints the time that is left',
  withServer(async (server) => {
    const url = `http://127.0.0.1:${server.port}`;
    await server.put('/cache/forever', { value: 1, version: 1 });
    const hear = (...words: string[]) => hearsay(url, ['get', ...words, '--ttl']);
    assert.equal(await hear('forever'), done('never expires\n'));
    assert.equal(
      await hear('forever', '--json'),
      done('{"key":"forever","version":1,"ttl_ms":null}\n'),
    );
    // The command tells it by its own clock, and that of the server stands still.
    const leftMs = 90 * 60_000 + (Date.now() - START_MS);
    await server.put('/cache/a', { value: 1, version: 7, ttl_ms: leftMs });
    assert.match((await hear('a')).out, /^1h\d+m\n$/);
    const { code, out } = await hear('a', 'forever', '--json');
    const [first, second] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.is(code, 0);
    assert.ok(first.ttl_ms > 80 * 60_000 && first.ttl_ms <= 90 * 60_000, out);
    assert.equal(second, { key: 'forever', version: 1, ttl_ms: null });
    const table = (await hear('a', 'forever')).out;
    assert.match(table, /^a +v7 +\d[^\n]*\nforever +v1 +never expires\n$/);
    assert.equal((await hear('none')).code, 1);
  }),
);

test('--file puts the bytes of a file', async (hear, server) => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'value');
  const bytes = Buffer.from([0, 255, 10, 13]);
  await writeFile(file, bytes);
  for (const [words, type] of [
    [['--type', 'image/png'], 'image/png'],
    [[], 'application/octet-stream'],
  ] as const) {
    assert.match((await hear('put', 'a', '--file', file, ...words)).out, /^version \d\n$/);
    const answer = await server.get('/cache/a');
    assert.is(answer.headers['content-type'], type);
    assert.equal(answer.bytes, bytes);
  }
  for (const [code, ...words] of [
    [2, 'x', '--file', file],
    [2, '--file', file, '--string'],
    [2],
    [1, '--file', join(directory.path, 'none')],
  ] as const) {
    const wrong = await hear('put', 'c', ...words);
    assert.equal([wrong.code, wrong.out], [code, ''], wrong.err);
  }
});

commands('a watch shows touches where it is asked to', async () => {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ nodes: [], port: 0, dataDir: directory.path });
  await node.ready;
  const url = node.url;
  for (const [words, expected] of [
    [['--touches'], ['put a', 'touch a', 'put b']],
    [[], ['put a', 'put b', 'put b']],
  ] as const) {
    await node.put('a', 1, { version: 'next' });
    await using watching = new CommandProcess(
      ['watch', '--initial', '--json', '--count', '3', ...words],
      { HEARSAY_URL: url },
    );
    const lines = () =>
      watching.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .filter(({ key }) => key !== undefined);
    await waitFor(() => lines().length > 0, 20_000, 'it watches');
    await node.touch('a', 3_600_000);
    await node.put('b', 1);
    await node.put('b', 2);
    assert.is(await watching.ended(), 0, watching.stderr);
    assert.equal(
      lines().map(({ type, key }) => `${type} ${key}`),
      expected,
    );
    const touch = lines().find(({ type }) => type === 'touch');
    if (words.length > 0) assert.match(touch?.expires_at, /^20\d\d-.*Z$/);
    await node.delete('b');
  }
});

commands('a value that is too deep to be put says how else to send it', async () => {
  const deep = '['.repeat(20_000) + ']'.repeat(20_000);
  const { code, err } = await hearsay(NOWHERE, ['put', 'a', '-'], deep);
  assert.is(code, 2);
  assert.match(err, /^VALUE is nested too deeply for this command: [^\n]+\.\n$/);
});

test('a touch moves the expiry of what lives', async (hear, server) => {
  await server.put('/cache/a', { value: 1, version: 4, ttl_ms: 1000 });
  assert.is((await hear('touch', 'a')).code, 2);
  assert.equal(
    await hear('touch', 'a', '--ttl', '10s'),
    done('expires 2026-11-24T12:00:10.000Z\n'),
  );
  const { out } = await hear('touch', 'a', '--forever', '--json');
  const { token: _token, ...rest } = JSON.parse(out);
  assert.equal(rest, { key: 'a', version: 4, expires_at: null, node: 'node1' });
  const absent = await hear('touch', 'none', '--forever');
  assert.equal([absent.code, absent.err], [1, 'There is no "none".\n']);
});

test('deleting many, and only what was meant', async (hear, server) => {
  for (const key of ['a1', 'a2', 'b']) await server.put(`/cache/${key}`, { value: 1, version: 1 });
  assert.equal(await hear('delete', '--prefix', 'a'), done('2 deleted\n'));
  for (const words of [[], ['b', '--all'], ['--prefix', ''], ['--all', '--if-version', '1']]) {
    const { code, err } = await hear('delete', ...words);
    assert.is(code, 2, err);
  }
  assert.match((await hear('delete', '--prefix', '')).err, /means every key: give --all/);
  assert.equal(await hear('delete', '--all'), done('1 deleted\n'));
});

test('--url beats the environment, and several fall back on one another', async (hear, _server, url) => {
  const { code, err } = await hearsay(NOWHERE, ['get', 'a', '--timeout', '100ms']);
  assert.is(code, 1);
  assert.match(err, /127\.0\.0\.1:2/);
  assert.is((await hear('put', 'a', '1')).code, 0);
  const found = await hearsay('http://nowhere.invalid', [
    'get',
    'a',
    '--url',
    NOWHERE,
    '--url',
    url,
  ]);
  assert.equal(found, done('1\n'));
  assert.equal(await hearsay(`${NOWHERE}, ${url}`, ['get', 'a']), done('1\n'));
  const together = ['get', 'a', '--url', `${NOWHERE},${url}`];
  assert.equal(await hearsay('http://nowhere.invalid', together), done('1\n'));
});

test('wrong usage is exit code 2, with nothing on stdout', async (hear) => {
  const wrong = [
    ['get'],
    ['get', ''],
    ['put', 'a'],
    ['put', 'a', '1', '--ttl', '10'],
    ['put', 'a', '1', '--if-version', 'x'],
    ['put', 'a', '1', '--if-version', '1', '--if-absent'],
    ['list', '--limit', '0'],
    ['get', 'a', '--url', 'nonsense'],
    ['watch', '--count', '-1'],
  ];
  const ran = await Promise.all(wrong.map((words) => hear(...words)));
  for (const [index, { code, out, err }] of ran.entries()) {
    assert.is(code, 2, `${wrong[index]?.join(' ')}: ${err}`);
    assert.is(out, '');
    assert.ok(err.length > 0);
  }
});

commands('a watch prints events on stdout and what happens to it on stderr', async () => {
  const server = await ScriptedWatch.start([
    putOf('a', { n: 1 }, { version: 2 }),
    deleteOf('a'),
    SYNCED,
    BOOKMARK,
    RESET,
    putOf('b', '1', { meta: { values: ['bigint'], v: 1 } }),
  ]);
  try {
    const text = await hearsay(server.url, ['watch', '--initial', '--count', '3']);
    assert.is(text.code, 0, text.err);
    assert.is(text.out.replaceAll(/ {2,}/g, ' '), 'put a v2 {"n":1}\ndelete a\nput b v1 1n\n');
    assert.match(
      text.err,
      /^Watching http.*\nUp to date\.\nThe log does not reach back to the cursor/,
    );
    const json = await hearsay(server.url, ['watch', '--json', '--cursor', '1', '--count', '2']);
    assert.equal(
      json.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [
        { type: 'delete', key: 'a', version: Number.MAX_SAFE_INTEGER, cursor: '2' },
        { type: 'synced', cursor: '3' },
        { type: 'bookmark', cursor: '4' },
        { type: 'reset', cursor: '5' },
        {
          type: 'put',
          key: 'b',
          version: 1,
          expires_at: null,
          cursor: '6',
          value: '1',
          meta: { values: ['bigint'], v: 1 },
        },
      ],
    );
  } finally {
    await server.close();
  }
});

commands('a watch that no node serves fails', async () => {
  const { code, out, err } = await hearsay(NOWHERE, ['watch', '--timeout', '200ms']);
  assert.is(code, 1);
  assert.is(out, '');
  assert.match(err, /No node could be watched within 200ms: http.*: no connection\.\n$/);
});

commands('a watch from a cursor that its nodes refuse ends, whatever is out of reach', async () => {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ nodes: [], port: 0, dataDir: directory.path });
  await node.ready;
  const urls = `${node.url},${NOWHERE}`;
  const { code, err } = await hearsay(urls, ['watch', '--cursor', 'xx', '--timeout', '2s']);
  assert.is(code, 1);
  assert.match(
    err,
    /can't be watched \(cursor is no cursor that a node gave\.\); trying again\.\n/,
  );
  assert.is(err.match(/trying again/g)?.length, 2, err);
  assert.match(
    err,
    /No node could be watched within 2s: http.*: cursor is no cursor that a node gave\.\n$/,
  );
});

commands('the help fits in 80 columns and has two examples or more', async () => {
  for (const name of ['get', 'put', 'touch', 'delete', 'list', 'watch']) {
    const { code, out } = await hearsay(NOWHERE, [name, '--help']);
    assert.is(code, 0);
    for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
    assert.ok((out.match(/^ {2}(?!-).*hearsay /gm)?.length ?? 0) >= 2, out);
  }
});

test('as a process each does the same, and ends by itself', async (hear, _server, url) => {
  for (const words of [
    ['put', 'a', '[1]'],
    ['get', 'a'],
    ['list', '--json'],
    ['delete', 'a'],
    ['get', 'a'],
  ]) {
    const { code, stdout, stderr } = await runCommand(words, { HEARSAY_URL: url });
    assert.is(code, stderr.startsWith('There is no "a"') ? 1 : 0, stderr);
    assert.is(stdout === '', code === 1);
  }
  assert.is((await hear('list')).out, '');
});

commands.run();
