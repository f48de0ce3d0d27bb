/** Where the token of a cluster comes from. */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { completeSettings, readSettings } from '../../src/node/settings.ts';
import { oneToken } from '../../src/node/token.ts';
import {
  tokenOfCommand,
  tokenOfNode,
  tokensOfNode,
  userTokenFile,
} from '../../src/node/tokenFile.ts';
import { SettingError } from '../../src/words/errors.ts';
import { temporaryDirectory } from '../support/processes.ts';

const tokens = suite('the token of a cluster');

const NONE = { internalToken: null, internalTokenFile: null };
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const noWarning = (text: string): void => assert.unreachable(text);
const isSettingError = (pattern: RegExp) => (error: unknown) =>
  error instanceof SettingError && pattern.test(error.message);

tokens(
  'without one, nodes and commands of a user share a file that its owner alone may read',
  async () => {
    await using directory = await temporaryDirectory();
    const file = userTokenFile({ XDG_STATE_HOME: join(directory.path, 'state') });
    const umask = process.umask(0);
    try {
      assert.is(tokenOfCommand(NONE, file), null);
      assert.not(existsSync(file));
      const token = tokenOfNode(NONE, file, noWarning);
      assert.match(token, /^[A-Za-z0-9_-]{43}$/);
      assert.is(tokenOfNode(NONE, file, noWarning), token);
      assert.is(tokenOfCommand(NONE, file), token);
      assert.is(modeOf(file), '600');
      assert.is(modeOf(dirname(file)), '700');
    } finally {
      process.umask(umask);
    }
  },
);

tokens('a token that is given beats a file, and a file beats that of the user', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'token');
  const userFile = join(directory.path, 'user', 'token');
  writeFileSync(file, 'of-the-file\r\n');
  const named = { internalToken: null, internalTokenFile: file };
  assert.is(tokenOfNode(named, userFile, noWarning), 'of-the-file');
  assert.is(tokenOfCommand(named, userFile), 'of-the-file');
  assert.is(tokenOfNode({ ...NONE, internalToken: 'given' }, userFile, noWarning), 'given');
  assert.not(existsSync(userFile));
});

tokens('of two lines the first is shown, and both are taken', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'token');
  writeFileSync(file, 'the-new-one\r\nthe-old-one\n\n');
  const named = { internalToken: null, internalTokenFile: file };
  assert.equal(tokensOfNode(named, '', noWarning), ['the-new-one', 'the-old-one']);
  assert.is(tokenOfCommand(named, ''), 'the-new-one');
});

tokens('a file that is missing or holds no token is named in a sentence', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'token');
  const read = () => tokenOfNode({ ...NONE, internalTokenFile: file }, '', noWarning);
  assert.throws(read, isSettingError(/^The token file \/.*\/token is not there: make it, or/));
  for (const text of ['', '\n', 'two words', 'a\nb\nc', 'a\nb c', 'x'.repeat(257)]) {
    writeFileSync(file, text);
    assert.throws(read, isSettingError(/^The token file .* must hold 1 to 256 printable/));
  }
  assert.throws(
    () => tokenOfNode({ ...NONE, internalTokenFile: directory.path }, '', noWarning),
    isSettingError(/can't be read \(it is a directory\)/),
  );
});

tokens('a home that can not be written costs the file, and a node starts all the same', () => {
  const warnings: string[] = [];
  const read = () => tokenOfNode(NONE, '/dev/null/state/token', (text) => warnings.push(text));
  assert.is.not(read(), read());
  assert.is(warnings.length, 2);
  assert.match(
    warnings[0] ?? '',
    /^No token was given, and .* can't be made .*INTERNAL_TOKEN_FILE/,
  );
  assert.is(tokenOfCommand(NONE, '/dev/null/state/token'), null);
});

tokens('a flag of either name beats the variable of the other; two of a kind are refused', () => {
  const read = (flags: object, environment: object) => {
    const { internalToken, internalTokenFile } = readSettings({ ...flags }, { ...environment });
    return [internalToken, internalTokenFile];
  };
  const both = { INTERNAL_TOKEN: 'a', INTERNAL_TOKEN_FILE: '/f' };
  assert.equal(read({}, {}), [null, null]);
  assert.equal(read({ internalToken: 'b' }, both), ['b', null]);
  assert.equal(read({ internalTokenFile: '/g' }, both), [null, '/g']);
  assert.equal(read({}, { ...both, INTERNAL_TOKEN: '' }), [null, '/f']);
  assert.throws(
    () => read({}, both),
    isSettingError(/^Give INTERNAL_TOKEN or INTERNAL_TOKEN_FILE/),
  );
  const flags = { internalToken: 'a', internalTokenFile: '/f' };
  assert.throws(
    () => read(flags, {}),
    isSettingError(/^Give --internal-token or --internal-token-/),
  );
  assert.throws(
    () => completeSettings(flags),
    isSettingError(/^Give internalToken or internalTok/),
  );
  assert.throws(
    () => oneToken(flags, flags, ['--token', '--token-file']),
    isSettingError(/^Give --token or --token-file, not both/),
  );
});

tokens('off loopback a node needs a token of its own, given or in a file', () => {
  const host = '0.0.0.0';
  assert.throws(
    () => readSettings({ host }, {}),
    isSettingError(/needs a token .* --internal-token-file \(INTERNAL_TOKEN_FILE\)/),
  );
  assert.throws(
    () => readSettings({ host, internalToken: 'secret' }, {}),
    isSettingError(/everybody knows/),
  );
  const open = { host, open: 'true' };
  assert.is(readSettings({ ...open, internalTokenFile: '/f' }, {}).internalTokenFile, '/f');
});

tokens(
  'a file of which only the owner may know is taken as it is, whatever lies beside it',
  async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'a', 'internal-token');
    mkdirSync(dirname(file));
    writeFileSync(file, 'mine\n');
    chmodSync(file, 0o400);
    assert.is(tokenOfNode(NONE, file, noWarning), 'mine');
    assert.is(readFileSync(file, 'utf8'), 'mine\n');
  },
);

tokens.run();
