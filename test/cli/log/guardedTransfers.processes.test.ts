/** Imports and replays into a cluster that asks for tokens. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bearer, guardedNode, makeToken } from '../../http/access/guardedNode.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';

/** Longer than the other cluster admits. */
const LONG_KEY = 'b'.repeat(200);

const test = suite('transfers into a cluster that asks for tokens');

test('import and replay show the token of --token-file; what is refused ends them as failures', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const all = makeToken(['read', 'write', 'log']);
  const reader = makeToken(['read']);
  const files = { all: at('all'), reader: at('reader') };
  for (const [name, { token }] of Object.entries({ all, reader }))
    await writeFile(at(name), token, { mode: 0o600 });
  await using from = await guardedNode([all]);
  for (const key of ['a', LONG_KEY]) await put(from.url, key, all.token);
  const given = ['--token-file', files.all];
  const log = (...words: string[]) => runShared(['log', ...words], { HEARSAY_TOKEN: '' });
  for (const [name, kind] of [
    ['entries', '--as-entries'],
    ['ops', '--as-ops'],
  ] as const) {
    const made = await log('export', kind, '--output', at(name), '--url', from.url, ...given);
    assert.is(made.code, 0, made.stderr);
  }

  await using to = await guardedNode([all, reader], { limits: { maxKeyBytes: 100 } });
  const imported = (...words: string[]) => log('import', at('entries'), '--url', to.url, ...words);
  const bare = await imported();
  assert.is(bare.code, 1, bare.stderr);
  assert.match(bare.stderr, /answered 401: .* give a token that has it by --token-file/);
  const reading = await imported('--token-file', files.reader);
  assert.is(reading.code, 1, reading.stderr);
  assert.match(reading.stderr, /answered 403: .* Go on with --from-line 2\./);
  const partly = await imported(...given);
  assert.is(partly.code, 1, partly.stderr);
  assert.match(partly.stderr, /\n1 entries stored, 1 refused skipped\.\n/);
  assert.match(partly.stderr, /The cluster lacks 1 of the entries: it refused them\./);

  const replayed = (...words: string[]) =>
    log('replay', at('ops'), '--to', to.url, '--max', ...words);
  const refused = await replayed();
  assert.is(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /2 writes failed, .* give a token that has it by --token-file/);
  const sent = await replayed(...given, '--json');
  assert.equal([sent.code, JSON.parse(sent.stdout).failed], [1, 1], sent.stderr);
  assert.equal(JSON.parse(sent.stdout).stored + JSON.parse(sent.stdout).conflicts, 1);
});

test.run();

async function put(url: string, key: string, token: string): Promise<void> {
  const answer = await fetch(`${url}/cache/${key}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', ...bearer(token) },
    body: '{"value":1,"version":1}',
  });
  assert.is(answer.status, 200);
  await answer.text();
}
