/** `hearsay token`, and the commands that show one. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardedNode, makeToken } from '../http/access/guardedNode.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { runShared } from '../support/sharedCommands.ts';

const token = suite('token');

token('a token is made, listed, checked, shown to a node and revoked', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'tokens.json');
  const command = (...words: string[]) => runShared(['token', ...words, '--file', file]);
  const made = await command('create', '--id', 'web', '--scopes', 'read,write', '--prefix', 'a/');
  assert.is(made.code, 0, made.stderr);
  const secret = made.stdout.trim();
  assert.match(secret, /^hsy_web_[\w-]{43}_[0-9a-f]{8}$/);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.not.ok(readFileSync(file, 'utf8').includes(secret.slice(8, 51)));
  const again = await command('create', '--id', 'web', '--scopes', 'read');
  assert.match(again.stderr, /stays as it was: there is a token web already\.\n$/);
  assert.match((await command('list')).stdout, /^ID .*\nweb +never +read,write +a\/\n$/);
  const secretFile = join(directory.path, 'secret');
  writeFileSync(secretFile, `${secret}\n`);
  const may = await command('check', '--token-file', secretFile, 'PUT', 'a/1');
  assert.is(may.stdout, 'The token web may PUT a/1.\n', may.stderr);
  const mayNot = await command('check', '--id', 'web', 'PUT', 'b/1');
  assert.equal(
    [mayNot.code, mayNot.stderr],
    [1, 'The token web may not PUT b/1: its keys begin with a/.\n'],
  );

  await using server = await guardedNode(null, { authFile: file });
  const environment = { HEARSAY_URL: server.url, XDG_CONFIG_HOME: directory.path };
  const put = (more: Record<string, string> = {}) =>
    runShared(['put', 'a/1', '1'], { ...environment, ...more });
  assert.match((await put()).stderr, /answered 401/);
  assert.is((await put({ HEARSAY_TOKEN: secret })).code, 0);
  assert.match((await put({ HEARSAY_TOKEN: secret.slice(0, -1) })).stderr, /torn or mistyped/);
  const userFile = join(directory.path, 'hearsay', 'token');
  mkdirSync(join(directory.path, 'hearsay'));
  writeFileSync(userFile, secret);
  chmodSync(userFile, 0o644);
  assert.match((await put()).stderr, /open to other users/);
  chmodSync(userFile, 0o600);
  assert.is((await put()).code, 0);

  assert.is((await command('revoke', 'web')).code, 0);
  server.node.reload();
  assert.match((await put()).stderr, /answered 401/);
});

token('a certificate is listed, checked and taken out like a token', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'tokens.json');
  const command = (...words: string[]) => runShared(['token', ...words, '--file', file]);
  const made = await command('create', '--certificate', 'web', '--scopes', 'read');
  assert.equal([made.code, made.stdout], [0, ''], made.stderr);
  assert.match((await command('list')).stdout, /\ncert:web +never +read +all keys\n$/);
  assert.is((await command('check', '--id', 'cert:web', 'GET', 'a')).code, 0);
  assert.is((await command('revoke', 'cert:web')).code, 0);
  const both = await command('create', '--certificate', 'a', '--id', 'a', '--scopes', 'read');
  assert.equal([both.code, both.stderr.startsWith('Give --id for a token, or')], [2, true]);
});

token('on this machine, a command finds the token for admin by itself', async () => {
  await using server = await guardedNode(null);
  const compact = (environment: Record<string, string>) =>
    runShared(['log', 'compact', '--url', server.url], environment);
  const found = await compact({ DATA_DIR: join(server.dataDir, '..') });
  assert.is(found.code, 0, found.stderr);
  const none = await compact({ DATA_DIR: join(server.dataDir, 'none'), INTERNAL_TOKEN: 'wrong' });
  assert.match(
    none.stderr,
    /answered 401: X-Internal-Token is wrong: [^\n]*\. Give another token by --token-file, or in HEARSAY_TOKEN\.\n$/,
  );
  const all = await runShared(['delete', '--all', '--url', server.url]);
  assert.match(all.stderr, /admin-token in the node's data directory, by --token-file, or in/);
  assert.not.match(all.stderr, /Bearer/);
});

token('log tail, watch and get say why a token is refused, and what to do', async () => {
  await using server = await guardedNode([makeToken(['read'])]);
  const old = makeToken(['read', 'watch', 'log'], null, { expires: new Date(0).toISOString() });
  server.write([old]);
  server.node.reload();
  for (const words of [['log', 'tail'], ['log', 'tail', '-f'], ['watch'], ['get', 'a']]) {
    const { code, stderr } = await runShared([...words, '--url', server.url], {
      HEARSAY_TOKEN: old.token,
    });
    assert.is(code, 1);
    assert.match(
      stderr,
      /The token has expired\. Give another token by --token-file, or in HEARSAY_TOKEN\.\n$/,
    );
    assert.not.match(stderr, /Bearer/);
  }
});

token.run();
