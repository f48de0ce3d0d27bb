/** Settings: which source wins, what is allowed, and what is said about what is not. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { settingsTables } from '../../src/cli/settingOptions.ts';
import { isBlockedPort } from '../../src/node/blockedPorts.ts';
import { isLoopback } from '../../src/node/loopback.ts';
import { describeSettings, type Environment } from '../../src/node/settingKinds.ts';
import { completeSettings, readSettings, settingsShape } from '../../src/node/settings.ts';
import { SettingError } from '../../src/words/errors.ts';
import { defaultLimits } from '../../src/words/limits.ts';

const settings = suite('settings');

settings('the defaults are those of the design', () => {
  const { limits, ...own } = readSettings({}, {});
  assert.equal(limits, defaultLimits);
  assert.is(own.nodeId, 'node1');
  assert.equal(own.nodes, []);
  assert.is(own.url, null);
  assert.is(own.cluster, 'hearsay');
  assert.is(own.internalToken, null);
  assert.is(own.internalTokenFile, null);
  assert.is(own.host, '127.0.0.1');
  assert.is(own.port, 8000);
  assert.is(own.dataDir, './data');
  assert.is(own.durability, 'full');
  assert.is(own.joinTimeoutMs, 10_000);
  assert.is(own.maxClockSkewMs, 60_000);
  assert.is(own.pullIntervalMs, 1000);
});

settings('a flag beats the environment, which beats the default', () => {
  assert.is(readSettings({}, {}).port, 8000);
  assert.is(readSettings({}, { PORT: '3001' }).port, 3001);
  assert.is(readSettings({ port: '3002' }, { PORT: '3001' }).port, 3002);
  assert.is(readSettings({ maxKeyBytes: '2' }, { MAX_KEY_BYTES: '1' }).limits.maxKeyBytes, 2);
});

settings('an empty variable is not set, an empty flag is a mistake', () => {
  assert.is(readSettings({}, { PORT: '', URL: '', MAX_BODY_BYTES: '' }).port, 8000);
  assert.throws(() => readSettings({ port: '' }, { PORT: '1' }), isSettingError);
});

settings('each way to write a value is understood', () => {
  const read = (environment: Environment) => readSettings({}, environment);
  const times = ['250ms', '10s', '1m', '24h', '1d'].map(
    (text) => read({ JOIN_TIMEOUT: text }).joinTimeoutMs,
  );
  assert.equal(times, [250, 10_000, 60_000, 86_400_000, 86_400_000]);
  const sizes = ['1', '65536', '64KiB', '1MiB'].map(
    (text) => read({ MAX_BODY_BYTES: text }).limits.maxBodyBytes,
  );
  assert.equal(sizes, [1, 65_536, 65_536, 1_048_576]);
  assert.equal(read({ NODES: ' http://A:80/, https://b:8000,,http://a ' }).nodes, [
    'http://a',
    'https://b:8000',
  ]);
  assert.is(read({ URL: 'http://[::1]:8000/' }).url, 'http://[::1]:8000');
  assert.is(read({ PORT: '0' }).port, 0);
  assert.is(read({ HOST: '::1' }).host, '::1');
  assert.is(read({ NODE_ID: 'a_B-9' }).nodeId, 'a_B-9');
});

/** By environment variable: what it does not allow. */
const BAD_VALUES: Readonly<Record<string, readonly string[]>> = {
  NODE_ID: ['a b', 'é', 'a.b', 'x'.repeat(33)],
  NODES: ['node2', 'ftp://a', 'http://a/b', 'http://a?b', 'http://user@a', 'http://a:99999'],
  URL: ['a', 'ws://a', 'http://a/b', 'http://a,http://b'],
  CLUSTER: ['a b', 'x'.repeat(65)],
  INTERNAL_TOKEN: ['a b', 'ä', 'a\nb', 'x'.repeat(257)],
  HOST: ['a b', 'http://a', 'a:80', '[::1]'],
  PORT: ['x', '-1', '1.5', '1e3', '0x10', '65536', ' 1'],
  DATA_DIR: ['a\0b'],
  DURABILITY: ['FULL', 'none'],
  JOIN_TIMEOUT: ['10', '1.5s', '-1s', 's', '10 s', '2d', '1y', '10toString'],
  MAX_CLOCK_SKEW: ['60', '2d'],
  PULL_INTERVAL: ['0ms', '2h'],
  LOG_LEVEL: ['warning', 'INFO'],
  LOG_FORMAT: ['pretty'],
  MAX_KEY_BYTES: ['0', '1kib', '65KiB', '1.5KiB', '-1'],
  MAX_BODY_BYTES: ['0', '1GiB', '1MB'],
  MAX_BATCH_OPS: ['0', '1KiB', '1000001'],
};

for (const [variable, values] of Object.entries(BAD_VALUES)) {
  settings(`${variable} says what it allows`, () => {
    for (const value of values) {
      assert.throws(
        () => readSettings({}, { [variable]: value }),
        (error: unknown) => isSettingError(error) && isOneSentence(error.message, variable),
        `${variable}=${value}`,
      );
    }
  });
}

settings('a message shows the value, but never the whole of a long one', () => {
  const messageOf = (environment: Environment) => {
    try {
      readSettings({}, environment);
    } catch (error) {
      if (isSettingError(error)) return error.message;
    }
    return '';
  };
  assert.match(messageOf({ PORT: 'x\ny' }), /^--port \(PORT\) must be .*, not "x\\ny"\.$/);
  assert.ok(messageOf({ NODES: 'x'.repeat(5000) }).length < 300);
  assert.not.match(messageOf({ INTERNAL_TOKEN: 'hush hush' }), /hush/);
});

const OWN_TOKEN = 'a-token-of-sixteen';

settings('off loopback, for clients or for peers, a short token is refused and not shown', () => {
  const short = 'fifteen-letters';
  const reach = { open: 'true', internalToken: short };
  for (const given of [
    { ...reach, host: '0.0.0.0' },
    { ...reach, peerHost: '10.0.0.1', peerPort: '9000' },
  ])
    assert.throws(
      () => readSettings(given, {}),
      (error: unknown) =>
        isSettingError(error) &&
        /at least 16 characters/.test(error.message) &&
        !error.message.includes(short),
    );
  assert.is(readSettings({ internalToken: short }, {}).internalToken, short);
});

settings('an address for peers needs a port of its own, which is not that of the clients', () => {
  assert.is(readSettings({ peerPort: '0', port: '0' }, {}).peerPort, 0);
  assert.is(readSettings({}, {}).peerPort, null);
  assert.throws(
    () => readSettings({ peerHost: '10.0.0.1' }, { INTERNAL_TOKEN: OWN_TOKEN }),
    (error: unknown) => isSettingError(error) && /needs --peer-port/.test(error.message),
  );
  assert.throws(
    () => readSettings({ peerPort: '8000' }, {}),
    (error: unknown) => isSettingError(error) && /another port than --port/.test(error.message),
  );
  assert.throws(
    () => readSettings({ peerPort: '9000', peerHost: '0.0.0.0' }, {}),
    (error: unknown) => isSettingError(error) && /needs a token/.test(error.message),
  );
  assert.throws(() => completeSettings({ peerPort: 8000 }), isSettingError);
});

settings('a node without a token serves loopback only', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
    assert.is(readSettings({ host }, {}).host, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.example.org']) {
    assert.throws(
      () => readSettings({ host }, {}),
      (error: unknown) =>
        isSettingError(error) && /--internal-token \(INTERNAL_TOKEN\)/.test(error.message),
      host,
    );
    assert.throws(() => readSettings({ host, internalToken: 'secret' }, {}), isSettingError);
    const open = { INTERNAL_TOKEN: OWN_TOKEN, OPEN: 'true' };
    assert.is(readSettings({ host }, open).host, host);
  }
  assert.not.ok(isLoopback(''));
});

settings(
  'off loopback, a node starts with a file of tokens, or where it is said to be open',
  () => {
    const environment = { INTERNAL_TOKEN: OWN_TOKEN };
    for (const host of ['0.0.0.0', '10.0.0.1', 'example.org']) {
      for (const open of ['', 'false'])
        assert.throws(
          () => readSettings({ host }, { ...environment, OPEN: open }),
          (error: unknown) => isSettingError(error) && /--auth-file .* --open/.test(error.message),
          host,
        );
      assert.is(readSettings({ host, authFile: 'f' }, environment).authFile, 'f');
      assert.is(readSettings({ host, open: 'true' }, environment).open, true);
      assert.is(completeSettings({ host, internalToken: OWN_TOKEN, open: true }).open, true);
    }
    assert.throws(
      () => completeSettings({ host: '10.0.0.1', internalToken: OWN_TOKEN }),
      isSettingError,
    );
    assert.is(readSettings({}, {}).open, false);
  },
);

settings(
  'every setting has a flag and a variable of its own, and a default that is allowed',
  () => {
    const all = describeSettings(settingsShape);
    assert.is(new Set(all.map(({ flag }) => flag)).size, all.length);
    assert.is(new Set(all.map(({ environment }) => environment)).size, all.length);
    for (const { flag, environment, help } of all) {
      assert.match(flag, /^--[a-z]+(-[a-z]+)*$/);
      assert.match(environment ?? '', /^[A-Z]+(_[A-Z]+)*$/);
      assert.not.match(help, /[|.]$|\|/);
    }
  },
);

settings('half of what TLS needs is refused, with the name of the other half', () => {
  const cert = { TLS_CERT: 'c', TLS_KEY: 'k' };
  const refused: [environment: Environment, sentence: RegExp][] = [
    [
      { TLS_CERT: 'c' },
      /^--tls-cert \(TLS_CERT\) needs --tls-key \(TLS_KEY\): name the file of its key\.$/,
    ],
    [
      { PEER_TLS_KEY: 'k' },
      /^--peer-tls-key \(PEER_TLS_KEY\) needs --peer-tls-cert \(PEER_TLS_CERT\)/,
    ],
    [{ TLS_CLIENT_CA: 'a', AUTH_FILE: 'f' }, /^--tls-client-ca \S+ needs --tls-cert/],
    [{ ...cert, TLS_CLIENT_CA: 'a' }, /^--tls-client-ca \S+ needs --auth-file/],
    [
      { TLS: 'require' },
      /^--tls \(TLS\) is require, so that the node needs --tls-cert \(TLS_CERT\) and --tls-key/,
    ],
    [{ ...cert, URL: 'http://a:1' }, /^--url \(URL\) must begin with https/],
  ];
  for (const [environment, sentence] of refused)
    assert.throws(
      () => readSettings({}, environment),
      (error: unknown) => isSettingError(error) && sentence.test(error.message),
    );
  assert.throws(() => completeSettings({ tlsCert: 'c' }), /^tlsCert needs tlsKey/);
  assert.is(readSettings({ tls: 'require' }, { ...cert, URL: 'https://a:1' }).tlsCert, 'c');
});

settings('the tables of docs/settings.md are those made from the settings', () => {
  const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  // The page is padded, for those who read its source.
  const plain = (table: string) => table.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
  assert.ok(plain(page).trimEnd().endsWith(plain(settingsTables())));
});

settings("the README's few settings say the same as docs/settings.md", () => {
  const rows = (page: string): string[] =>
    readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `--'))
      .map((line) => line.replace(/ +/g, ' '));
  const all = rows('docs/settings.md');
  const few = rows('README.md');
  assert.ok(few.length > 5);
  for (const row of few) assert.ok(all.includes(row), row);
});

settings('a port that fetch refuses is refused, and only such a port', async () => {
  const blocked = Array.from({ length: 65_536 }, (_one, port) => port).filter(isBlockedPort);
  assert.is(blocked.length, 82);
  for (const port of blocked) assert.is(await isBadPort(port), true, String(port));
  for (const port of [8000, 8001, 9000, 3000]) assert.is(await isBadPort(port), false);
  assert.throws(() => readSettings({ port: '6000' }, {}), /PORT\) must not be 6000/);
  assert.throws(
    () => completeSettings({ port: 10_080 }),
    /^port must not be 10080|port must not be/,
  );
});

settings.run();

/** Aborted at once: the port is looked at before anything is sent. */
async function isBadPort(port: number): Promise<boolean> {
  const signal = AbortSignal.timeout(1000);
  const error: unknown = await fetch(`http://127.0.0.1:${port}`, { signal }).catch((e) => e);
  return (
    error instanceof Error && error.cause instanceof Error && error.cause.message === 'bad port'
  );
}

function isSettingError(error: unknown): error is SettingError {
  return error instanceof SettingError;
}

/** That names the flag, the variable and what is allowed. */
function isOneSentence(message: string, variable: string): boolean {
  const flag = `--${variable.toLowerCase().replaceAll('_', '-')}`;
  return message.startsWith(`${flag} (${variable}) must be `) && /^[^\n]+\.$/.test(message);
}
