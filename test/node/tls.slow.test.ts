/**
 * A node that speaks TLS to its clients, asked by programs that others have made, `openssl s_client` and
 * `curl`, where they are installed.
 */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import * as https from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import type { GivenSettings } from '../../src/node/nodeSettings.ts';
import { type GuardedNode, guardedNode } from '../http/access/guardedNode.ts';
import { type PairFiles, type TestAuthorities, testAuthorities } from '../support/certificates.ts';
import { waitFor } from '../support/processes.ts';

const tls = suite('TLS for clients');

const LIMIT_MS = 20_000;
const VALUE = 'x'.repeat(1_000_000);

const has = (program: string): boolean => spawnSync(program, ['version']).error === undefined;
const whereThere = (program: string): typeof tls | typeof tls.skip =>
  has(program) ? tls : tls.skip;

interface TlsNode {
  readonly made: TestAuthorities;
  readonly files: PairFiles;
  readonly server: GuardedNode;
  readonly ca: string;
}

const withNode =
  (run: (node: TlsNode) => Promise<void>, settings: GivenSettings = {}) =>
  async (): Promise<void> => {
    await using made = await testAuthorities();
    const files = await made.authority.write('server');
    const own = { tlsCert: files.cert, tlsKey: files.key };
    await using server = await guardedNode(null, { ...own, ...settings });
    await run({ made, files, server, ca: made.authority.pair.cert });
  };

interface Answer {
  readonly status: number;
  readonly text: string;
}

function ask(
  url: string,
  options: https.RequestOptions & { readonly body?: string },
): Promise<Answer> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const request = https.request(url, rest, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const JSON_BODY = { 'Content-Type': 'application/json' };

const put = (url: string, key: string, value: string, options: https.RequestOptions) =>
  ask(`${url}/cache/${key}`, {
    method: 'PUT',
    headers: JSON_BODY,
    body: JSON.stringify({ value, version: 'next' }),
    ...options,
  });

/** @returns all that the program printed. */
const output = (program: string, words: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const child = execFile(program, words, (_error, stdout, stderr) => resolve(stdout + stderr));
    child.stdin?.end();
  });

whereThere('openssl')(
  'openssl: TLS 1.2 and 1.3 are spoken with forward secrecy, TLS 1.1 and other suites are refused',
  withNode(async ({ server, made }) => {
    const { host } = new URL(server.url);
    const handshake = (...words: string[]) =>
      output('openssl', ['s_client', '-connect', host, '-CAfile', made.authority.file, ...words]);
    const is13 = await handshake('-tls1_3', '-alpn', 'h2,http/1.1', '-verify_return_error');
    assert.match(is13, /New, TLSv1\.3, Cipher is TLS_/);
    assert.match(is13, /ALPN protocol: http\/1\.1/);
    assert.match(is13, /Verify return code: 0 \(ok\)/);
    const is12 = await handshake('-tls1_2');
    assert.match(is12, /New, TLSv1\.2, Cipher is ECDHE-/);
    const is11 = await handshake('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0');
    assert.match(is11, /Cipher is \(NONE\)/);
    const isStatic = await handshake('-tls1_2', '-cipher', 'AES128-SHA');
    assert.match(isStatic, /Cipher is \(NONE\)/);
    const isH2 = await handshake('-alpn', 'h2');
    assert.match(isH2, /no application protocol/);
  }),
);

whereThere('curl')(
  'curl: values of a megabyte come and go, and an authority that it does not know is refused',
  withNode(async ({ server, made }) => {
    const url = `${server.url}/cache/big`;
    const body = `${made.directory}/body.json`;
    writeFileSync(body, JSON.stringify({ value: VALUE, version: 'next' }));
    const curl = (...words: string[]) => output('curl', ['-sS', '--max-time', '20', ...words]);
    const trusting = ['--cacert', made.authority.file];
    const header = ['-H', 'Content-Type: application/json'];
    const stored = await curl(...trusting, '-X', 'PUT', ...header, '-d', `@${body}`, url);
    assert.match(stored, /"status":"stored"/);
    assert.is(JSON.parse(await curl(...trusting, url)).value, VALUE);
    assert.match(await curl('--cacert', made.stranger.file, url), /certificate|SSL/i);
    const plain = await curl(url.replace('https', 'http'));
    assert.match(plain, /Empty reply|reset/i);
    assert.match(await curl(...trusting, `${server.url}/_health`), /"status":"ok"/);
  }),
);

tls(
  'SSE and WebSocket carry values of a megabyte, also to a slow reader',
  withNode(async ({ server, ca }) => {
    const seen: string[] = [];
    const socket = new WebSocket(`${server.url.replace('https', 'wss')}/watch`, { ca });
    socket.on('message', (data) => seen.push(String(data)));
    await once(socket, 'open');
    socket.pause();
    const stream = await begun(`${server.url}/watch`, { ca });
    const keys = Array.from({ length: 12 }, (_unused, index) => `big${index}`);
    for (const key of keys) assert.is((await put(server.url, key, VALUE, { ca })).status, 200);
    await wait(200);
    socket.resume();
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const lastOf = (texts: string): boolean =>
      texts.includes(`"key":"${keys.at(-1)}"`) && texts.split(VALUE).length > keys.length;
    await waitFor(() => lastOf(seen.join()) && lastOf(text), LIMIT_MS, 'all values have come');
    for (const all of [seen.join(), text])
      assert.equal(
        keys.filter((key) => !all.includes(`"key":"${key}"`)),
        [],
      );
    socket.terminate();
    stream.destroy();
  }),
);

/** The answer, of which nothing has been read yet. */
const begun = (url: string, options: https.RequestOptions) =>
  new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    https.get(url, options, resolve).on('error', reject);
  });

tls(
  'new certificates are taken while requests go on, and none of them fails',
  withNode(async ({ server, made, ca }) => {
    const { host, port } = new URL(server.url);
    const shown = async (): Promise<string> => {
      const socket: TLSSocket = connect({ host: host.split(':')[0], port: Number(port), ca });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await shown();
    const kept = new https.Agent({ keepAlive: true, maxSockets: 4, ca });
    let isOver = false;
    let requests = 0;
    const load = async (agent: https.Agent | false): Promise<void> => {
      for (; !isOver; requests++) {
        const { status } = await ask(`${server.url}/_health`, { agent, ca });
        assert.is(status, 200);
      }
    };
    const loads = [load(kept), load(kept), load(false), load(false)];
    const serials = new Set([before]);
    for (let round = 1; round <= 3; round++) {
      await made.authority.write('server');
      if (round === 1) {
        // The node sees it by itself.
        await waitFor(async () => (await shown()) !== before, LIMIT_MS, 'it is taken');
      } else server.node.reload();
      serials.add(await shown());
      await wait(50);
    }
    isOver = true;
    await Promise.all(loads);
    kept.destroy();
    assert.is(serials.size, 4);
    assert.ok(requests > 20, String(requests));
    assert.is(await server.metric('hearsay_tls_reloads_total'), 3);
    assert.is(await server.metric('hearsay_tls_reload_failed'), 0);
  }),
);

tls(
  'a bad pair changes nothing, is told once, and shows in the metrics until a good one comes',
  withNode(async ({ server, made, files, ca }) => {
    const warnings = () => server.lines.filter((line) => /stay as they were/.test(line));
    const endsAt = () =>
      server.metric('hearsay_tls_not_after_timestamp_seconds{certificate="server"}');
    const before = await endsAt();
    assert.ok(before > Date.now() / 1000);
    const other = await made.authority.issue();
    writeFileSync(files.key, other.key);
    await waitFor(() => warnings().length > 0, LIMIT_MS, 'it is told');
    assert.match(warnings()[0] ?? '', /server\.key is the key of another certificate/);
    assert.is(await server.metric('hearsay_tls_reload_failed'), 1);
    assert.is((await ask(`${server.url}/_health`, { ca })).status, 200);
    assert.is(await endsAt(), before);
    assert.is(warnings().length, 1);
    writeFileSync(files.cert, other.cert);
    chmodSync(files.key, 0o644);
    server.node.reload();
    assert.match(warnings()[1] ?? '', /open to other users/);
    chmodSync(files.key, 0o600);
    await waitFor(
      async () => (await server.metric('hearsay_tls_reload_failed')) === 0,
      LIMIT_MS,
      'the good pair is taken',
    );
  }),
);

tls(
  'handshakes that never end are counted among the connections, and freed',
  withNode(
    async ({ server, ca }) => {
      const { hostname, port } = new URL(server.url);
      const { connect: open } = await import('node:net');
      const silent = Array.from({ length: 3 }, () => open(Number(port), hostname));
      await waitFor(
        async () => (await server.metric('hearsay_connections')) === 3,
        LIMIT_MS,
        'the three are counted',
      );
      const failure = await ask(`${server.url}/_health`, { ca, agent: false }).catch(String);
      assert.type(failure, 'string');
      for (const socket of silent) socket.destroy();
      await waitFor(
        async () => (await server.metric('hearsay_connections')) === 0,
        LIMIT_MS,
        'they are freed',
      );
      assert.is((await ask(`${server.url}/_health`, { ca, agent: false })).status, 200);
      await waitFor(
        async () => (await server.metric('hearsay_connections')) === 0,
        LIMIT_MS,
        'and so is a whole one',
      );
    },
    { limits: { maxConnectionsPerAddress: 3 } },
  ),
);

tls.run();
