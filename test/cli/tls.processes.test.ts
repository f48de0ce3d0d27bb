/** `hearsay tls`: certificates for development, which openssl finds right, in files that nobody else may read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { namesOf } from '../../src/net/certificates.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { runShared } from '../support/sharedCommands.ts';

const commands = suite('hearsay tls');

commands('each command makes a pair and names the next command, within 80 columns', async () => {
  await using directory = await temporaryDirectory();
  const dir = join(directory.path, 't');
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await runShared(['tls', ...words, '--dir', dir]);
    assert.is(code, 0, stderr);
    const lines = stderr.replaceAll(dir, 'tls').trimEnd().split('\n');
    assert.equal(
      lines.filter((line) => line.length > 80),
      [],
    );
    assert.match(stderr, /Next/);
    return stdout.trimEnd().split('\n');
  };
  const early = await runShared(['tls', 'server', '--dir', dir]);
  assert.match(early.stderr, /make one by `hearsay tls ca --dir \S+`\.\n$/);
  assert.equal(await run('ca'), [join(dir, 'ca.crt'), join(dir, 'ca.key')]);
  await run('server', 'cache.example.com', '10.0.0.1');
  await run('client', 'web');
  await run('peer', 'node1', '--cluster', 'c', '--host', 'localhost');
  for (const name of readdirSync(dir)) assert.is(statSync(join(dir, name)).mode & 0o777, 0o600);
  const read = (name: string) => new X509Certificate(readFileSync(join(dir, name)));
  assert.match(read('server.crt').subjectAltName ?? '', /^DNS:cache\.example\.com, IP Address:10/);
  assert.is(namesOf(read('client-web.crt')).common, 'web');
  assert.equal(namesOf(read('peer-node1.crt')), {
    hosts: ['localhost'],
    mails: [],
    uris: ['hearsay://c/node1'],
    common: 'node1',
  });
  const again = await runShared(['tls', 'ca', '--dir', dir]);
  assert.equal([again.code, /There is an authority/.test(again.stderr)], [1, true]);
  const wrong = await runShared(['tls', 'server', 'a b', '--dir', dir]);
  assert.equal([wrong.code, wrong.stderr], [2, '"a b" is no host name or address.\n']);
  if (spawnSync('openssl', ['version']).error !== undefined) return;
  for (const [purpose, name] of [
    ['sslserver', 'server'],
    ['sslclient', 'client-web'],
    ['sslserver', 'peer-node1'],
    ['sslclient', 'peer-node1'],
  ] as const) {
    const words = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(dir, 'ca.crt')];
    const said = execFileSync('openssl', [...words, join(dir, `${name}.crt`)], {
      encoding: 'utf8',
    });
    assert.match(said, /: OK\n$/);
  }
});

commands.run();
