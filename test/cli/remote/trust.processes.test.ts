/** Commands and nodes that speak TLS: whom a command believes, and where it sends a token. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardedNode, makeToken } from '../../http/access/guardedNode.ts';
import { testAuthorities } from '../../support/certificates.ts';
import { freePorts } from '../../support/ports.ts';
import { CommandProcess, runCommand, waitFor } from '../../support/processes.ts';

const trust = suite('trust between commands and nodes');

const ROOT = new URL('../../../', import.meta.url).pathname;

trust(
  'a command believes the authorities of --ca alone, and names the option where one lacks',
  async () => {
    await using made = await testAuthorities();
    const { cert, key } = await made.authority.write('server');
    const token = makeToken(['read', 'write', 'watch', 'log']);
    await using server = await guardedNode([token], { tlsCert: cert, tlsKey: key });
    const run = (words: string[], environment: Record<string, string> = {}) =>
      runCommand([...words, '--url', server.url, '--timeout', '20s'], {
        HEARSAY_TOKEN: token.token,
        ...environment,
      });
    const put = await run(['put', 'a', '1', '--ca', made.authority.file]);
    assert.is(put.code, 0, put.stderr);
    const stat = await run(['log', 'stat'], { HEARSAY_CA: made.authority.file });
    assert.is(stat.code, 0, stat.stderr);
    const strange = await run(['get', 'a', '--ca', made.stranger.file, '--timeout', '1s']);
    assert.is(strange.code, 1);
    assert.match(
      strange.stderr,
      /Name the authority of its certificate by --ca, or in HEARSAY_CA\./,
    );
    assert.not.match(strange.stderr, /may have been stored/);
    const plainUrl = server.url.replace('https', 'http');
    const plain = await runCommand(['get', 'a', '--url', plainUrl], {});
    assert.is(plain.code, 1);
    assert.match(plain.stderr, /can't be reached: .* \(if it speaks TLS, name it by https\)/);

    const wrong = await run(['get', 'a', '--ca', key]);
    assert.equal([wrong.code, /holds no certificate in PEM/.test(wrong.stderr)], [2, true]);

    const { hostname, port } = new URL(server.url);
    const health = await new Promise<number>((resolve) => {
      const env = { HOST: hostname, PORT: port, TLS_CERT: cert };
      const child = execFile(process.execPath, [join(ROOT, 'docker', 'health.mjs')], { env }, () =>
        resolve(child.exitCode ?? -1),
      );
    });
    assert.is(health, 0);
  },
);

trust('no token goes to another machine by http, unless somebody says so', async () => {
  const { token } = makeToken(['read']);
  const get = (words: string[], environment: Record<string, string> = {}) =>
    runCommand(['get', 'a', '--url', 'http://192.0.2.1:8000', '--timeout', '50ms', ...words], {
      HEARSAY_TOKEN: token,
      ...environment,
    });
  const refused = await get([]);
  assert.is(refused.code, 2);
  assert.match(
    refused.stderr,
    /^The token would go to http:\/\/192\.0\.2\.1:8000 unencrypted: .* --plain-http/,
  );
  for (const allowed of [
    await get(['--plain-http']),
    await get([], { HEARSAY_PLAIN_HTTP: 'true' }),
  ])
    assert.equal([allowed.code, /unencrypted/.test(allowed.stderr)], [1, false]);
});

trust('hearsay cluster runs nodes that speak TLS to clients and to each other', async () => {
  await using made = await testAuthorities();
  const { cert, key } = await made.authority.write('server');
  const port = await freePorts(2);
  await using cluster = new CommandProcess([
    ...['cluster', '--nodes', '2', '--first-port', String(port)],
    ...['--data-dir', join(made.directory, 'data'), '--tls-cert', cert, '--tls-key', key],
    ...['--peer-tls-ca', made.authority.file, '--tls', 'require'],
  ]);
  await waitFor(() => cluster.stdout.includes('2 nodes run'), 20_000, 'both see each other');
  assert.match(cluster.stdout, new RegExp(`https://localhost:${port} `));
});

trust.run();
