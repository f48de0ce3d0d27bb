/** The file of settings: which source wins, what it may hold, and what is said about anything else. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withConfigFile } from '../../src/cli/configFile.ts';
import type { Environment, Flags } from '../../src/node/settingKinds.ts';
import { readSettings, settingsShape } from '../../src/node/settings.ts';
import { SettingError } from '../../src/words/errors.ts';
import { CommandProcess, temporaryDirectory } from '../support/processes.ts';
import { runShared } from '../support/sharedCommands.ts';

const configFile = suite('config file');

/** Runs with a file that holds the value, and reads the settings of a node by it. */
async function reading(
  content: unknown,
  run: (
    read: (flags?: Flags, environment?: Environment) => ReturnType<typeof readSettings>,
    file: string,
  ) => void | Promise<void>,
  mode = 0o600,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'settings.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  await chmod(file, mode);
  await run((flags = {}, environment = {}) => {
    const read = withConfigFile(settingsShape, flags, environment, file);
    return readSettings(read.flags, read.environment);
  }, file);
}

const refuses = (reason: RegExp) => (error: unknown) =>
  error instanceof SettingError && reason.test(error.message);

configFile('a flag beats the environment, which beats the file, which beats the default', () =>
  reading({ port: 9001, 'join-timeout': '3s', 'max-key-bytes': 77, open: true }, (read) => {
    const settings = read();
    assert.is(settings.port, 9001);
    assert.is(settings.joinTimeoutMs, 3000);
    assert.is(settings.limits.maxKeyBytes, 77);
    assert.is(settings.open, true);
    assert.is(settings.host, '127.0.0.1');
    assert.is(read({}, { PORT: '9002' }).port, 9002);
    assert.is(read({}, { PORT: '' }).port, 9001);
    assert.is(read({ port: '9003' }, { PORT: '9002' }).port, 9003);
  }),
);

configFile('a list is an array or a text', async () => {
  for (const nodes of [['http://a:1', 'http://b:2'], 'http://a:1,http://b:2'])
    await reading({ nodes }, (read) => assert.equal(read().nodes, ['http://a:1', 'http://b:2']));
});

configFile('a token of another source beats both forms of it in the file', () =>
  reading({ 'internal-token': 'of-the-file-of-settings' }, (read) => {
    assert.is(read().internalToken, 'of-the-file-of-settings');
    const other = read({}, { INTERNAL_TOKEN_FILE: 'other' });
    assert.equal([other.internalToken, other.internalTokenFile], [null, 'other']);
    assert.is(read({ internalTokenFile: 'flag' }).internalToken, null);
  }),
);

configFile('a file with a secret that others can read is refused, one without is not', async () => {
  const open = 0o644;
  await reading(
    { 'internal-token': 'of-the-file-of-settings' },
    (read) =>
      assert.throws(() => read(), refuses(/open to other users: take their rights by chmod 600/)),
    open,
  );
  await reading({ port: 9001 }, (read) => assert.is(read().port, 9001), open);
});

for (const [what, content, reason] of [
  ['a name that is none', { prot: 1 }, /has "prot", which is no setting: the nearest is port\.$/],
  ['a wrong value', { port: 'x' }, /: port must be a whole number from 0 to 65535, not "x"\.$/],
  ['a value of another kind', { port: { a: 1 } }, /: port must be a whole number/],
  ['a number without its unit', { 'join-timeout': 5 }, /: join-timeout must be a duration/],
  ['a secret that is wrong', { 'internal-token': 'a b' }, /: internal-token must be [^"]*\.$/],
  ['no object', [1], /must hold an object with settings by name/],
  ['no JSON', '{"port"', /is no JSON: /],
] as const)
  configFile(`${what} is refused in a sentence`, () =>
    reading(content, (read) => assert.throws(() => read(), refuses(reason))),
  );

configFile('a file that is named must be there, and the default one need not', () => {
  assert.throws(
    () => withConfigFile(settingsShape, {}, {}, '/none/of/it.json'),
    refuses(/can't be read \(it is not there\)\.$/),
  );
  assert.throws(
    () => withConfigFile(settingsShape, {}, { HEARSAY_CONFIG: '/none/of/it.json' }, undefined),
    refuses(/can't be read/),
  );
  assert.equal(withConfigFile(settingsShape, {}, {}, undefined).ofFile, {});
});

configFile('serve and cluster take --config, and refuse by it with exit code 2', () =>
  reading({ port: 70000 }, async (_read, file) => {
    for (const command of ['serve', 'cluster']) {
      const { code, stderr } = await runShared([command, '--config', file]);
      assert.is(code, 2);
      assert.match(stderr, command === 'serve' ? /port must be/ : /"port", which is no setting/);
    }
  }),
);

configFile('a node reads hearsay.json of its directory', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(join(directory.path, 'hearsay.json'), '{"port": "none"}');
  await using node = new CommandProcess(['serve'], {}, directory.path);
  assert.is(await node.ended(), 2);
  assert.match(node.stderr, /^hearsay\.json: port must be /);
});

configFile.run();
