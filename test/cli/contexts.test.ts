/** Contexts: which one a command takes, where its token goes, and who can read it. */
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeSecret, SECRET_BYTES } from '../../src/access/secret.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { runShared } from '../support/sharedCommands.ts';

const contexts = suite('contexts');

interface Place {
  readonly file: string;
  readonly run: (
    words: string,
    environment?: Record<string, string>,
  ) => Promise<{ code: number; stdout: string; stderr: string }>;
}

/** Runs with an empty directory of settings. */
async function withPlace(run: (place: Place) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const own = { XDG_CONFIG_HOME: directory.path };
  await run({
    file: join(directory.path, 'hearsay', 'contexts.json'),
    run: (words, environment = {}) => runShared(words.split(' '), { ...own, ...environment }),
  });
}

/** Servers that answer every GET with a value, and keep the token that each was shown. */
async function withNodes(
  count: number,
  run: (urls: readonly string[], shown: (string | undefined)[][]) => Promise<void>,
): Promise<void> {
  const shown: (string | undefined)[][] = Array.from({ length: count }, () => []);
  const servers = shown.map((tokens) =>
    createServer((request, response) => {
      tokens.push(request.headers.authorization);
      response.end('{"value":1,"version":1,"expires_at":null}');
    }),
  );
  try {
    for (const server of servers)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const urls = servers.map(
      (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
    await run(urls, shown);
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

contexts('the first is in use, another by `use`, and none once it is removed', () =>
  withPlace(async ({ run, file }) => {
    assert.is((await run('context list --output json')).stdout, '[]\n');
    assert.match((await run('context add one --url http://a:1')).stderr, /^one is in use\.\n$/);
    assert.match(
      (await run('context add two --url http://b:1,http://c:1')).stderr,
      /^two is added/,
    );
    assert.match((await run('context list')).stdout, /\n\* {2}one +http:\/\/a:1\n +two /);
    await run('context use two');
    const listed = JSON.parse((await run('context list --output json')).stdout);
    assert.equal(
      listed.map(({ name, in_use }: { name: string; in_use: boolean }) => [name, in_use]),
      [
        ['one', false],
        ['two', true],
      ],
    );
    assert.match((await run('context remove two')).stderr, /removed, and no context is in use/);
    const unknown = await run('context use onee');
    assert.is(unknown.code, 2);
    assert.match(unknown.stderr, /^There is no context onee: the nearest is one\.\n$/);
    assert.is((await run('context add three --url localhost:1')).code, 2);
    assert.is((await stat(file)).mode & 0o777, 0o600);
  }),
);

contexts('a token goes to the nodes of its context alone', () =>
  withPlace(async ({ run, file }) =>
    withNodes(2, async ([mine = '', other = ''], shown) => {
      const text = makeSecret('ops', new Uint8Array(SECRET_BYTES));
      const tokenFile = join(file, '..', '..', 'token');
      await writeFile(tokenFile, text, { mode: 0o600 });
      await run(`context add prod --url ${mine} --token-file ${tokenFile}`);
      assert.match(await readFile(file, 'utf8'), new RegExp(text));
      assert.is((await run('get a')).stdout, '1\n');
      assert.is((await run(`get a --url ${other}`)).stdout, '1\n');
      assert.is((await run('get a', { HEARSAY_URL: other })).stdout, '1\n');
      assert.is((await run('get a --context prod', { HEARSAY_URL: other })).stdout, '1\n');
      assert.equal(shown, [
        [`Bearer ${text}`, `Bearer ${text}`],
        [undefined, undefined],
      ]);
      assert.not.match((await run('context list --json')).stdout, new RegExp(text));
    }),
  ),
);

contexts('a file that others can read is refused, and so is one that holds anything else', () =>
  withPlace(async ({ run, file }) => {
    await run('context add one --url http://a:1');
    await chmod(file, 0o644);
    const open = await run('get a');
    assert.is(open.code, 2);
    assert.match(open.stderr, /is open to other users: take their rights by chmod 600\.\n$/);
    await chmod(file, 0o600);
    await writeFile(file, '{"contexts": 1}');
    assert.match((await run('get a')).stderr, /can't be read \(it holds no contexts\)/);
  }),
);

contexts('a context that is named and not there is refused before any node is asked', () =>
  withPlace(async ({ run }) => {
    for (const words of ['get a', 'status', 'member list', 'log stat']) {
      const { code, stderr } = await run(`${words} --context none`);
      assert.is(code, 2, stderr);
      assert.match(stderr, /^There is no context none: `hearsay context list` names them all\.\n$/);
    }
  }),
);

contexts.run();
