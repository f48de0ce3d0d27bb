/** Changes of the file of tokens by several processes at once. */
import { chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EMPTY_AUTH_FILE, withCertificate } from '../../src/access/authFile.ts';
import { FileLock } from '../../src/log/sqlite/fileLock.ts';
import { changeAuthFile } from '../../src/node/authFileChange.ts';
import { readAuthFile, writeAuthFile } from '../../src/node/authFiles.ts';
import { HearsayError, SettingError } from '../../src/words/errors.ts';
import { CommandProcess, temporaryDirectory } from '../support/processes.ts';

const change = suite('changes of the file of tokens');

const CHANGER = fileURLToPath(new URL('authFileChanger.ts', import.meta.url));
const CHANGES = 20;

change('none is lost where processes make them at once', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'tokens.json');
  const names = ['a', 'b', 'c'];
  const changers = names.map(
    (name) => new CommandProcess([path, name, String(CHANGES)], {}, undefined, CHANGER),
  );
  for (const changer of changers) {
    assert.is(await changer.ended(), 0, changer.stderr);
  }
  const listed = readAuthFile(path).certificates?.map(({ name }) => name) ?? [];
  const wanted = names.flatMap((name) => Array.from({ length: CHANGES }, (_, i) => `${name}${i}`));
  assert.equal(listed.sort(), wanted.sort());
});

change('one that waits too long for another changes nothing and says so', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'tokens.json');
  writeAuthFile(path, EMPTY_AUTH_FILE);
  const other = new FileLock(`${path}.lock`, 0);
  const add = () =>
    changeAuthFile(path, (file) => withCertificate(file, { name: 'a', scopes: ['read'] }), 0);
  const isBusy = (error: unknown): boolean =>
    error instanceof HearsayError &&
    /stays as it was: other commands change it/.test(error.message);
  assert.throws(add, isBusy);
  other.release();
  add();
  assert.throws(add, /stays as it was: .*already/);
  assert.is(readAuthFile(path).certificates?.length, 1);
});

change('the file keeps its owner, who else could not read what root has written', async () => {
  if (process.getuid?.() !== 0) {
    console.log('skipped: only root may give a file away');
    return;
  }
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'tokens.json');
  writeAuthFile(path, EMPTY_AUTH_FILE);
  chownSync(path, 12_345, 23_456);
  changeAuthFile(path, (file) => withCertificate(file, { name: 'a', scopes: ['read'] }));
  const { uid, gid, mode } = statSync(path);
  assert.equal([uid, gid, mode & 0o777], [12_345, 23_456, 0o600]);
});

change('a directory that is not there is told with the file', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'none', 'tokens.json');
  const isTold = (error: unknown): boolean =>
    error instanceof SettingError && /can't be changed \(.*no such file/.test(error.message);
  assert.throws(() => changeAuthFile(path, (file) => file), isTold);
});

change.run();
