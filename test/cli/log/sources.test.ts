/** The choice of the log that a command reads. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodesOf, refuseParentOfLogs } from '../../../src/cli/log/options.ts';
import { SettingError } from '../../../src/words/errors.ts';
import { temporaryDirectory } from '../../support/processes.ts';

const sources = suite('sources of log commands');

const isSetting = (reason: RegExp) => (error: unknown) =>
  error instanceof SettingError && reason.test(error.message);

sources('a directory whose logs lie below it is refused, and names them', async () => {
  await using directory = await temporaryDirectory();
  const at = (...names: string[]) => join(directory.path, ...names);
  refuseParentOfLogs(at('none'));
  refuseParentOfLogs(directory.path);
  for (const node of ['node1', 'node2']) {
    await mkdir(at(node));
    await writeFile(at(node, 'hearsay.db'), '');
  }
  await mkdir(at('other'));
  assert.throws(
    () => refuseParentOfLogs(directory.path),
    isSetting(/holds no log itself: name one of \S*node1, \S*node2 by --data-dir\.$/),
  );
  refuseParentOfLogs(at('node1'));
  await writeFile(at('hearsay.db'), '');
  refuseParentOfLogs(directory.path);
});

sources('flags beat HEARSAY_URL, which beats the data directory', () => {
  const before = process.env.HEARSAY_URL;
  try {
    delete process.env.HEARSAY_URL;
    assert.is(nodesOf({}), null);
    assert.equal(nodesOf({ url: 'http://a' }), ['http://a']);
    process.env.HEARSAY_URL = 'http://b,http://c';
    assert.equal(nodesOf({}), ['http://b', 'http://c']);
    assert.equal(nodesOf({ url: 'http://a' }), ['http://a']);
    assert.is(nodesOf({ dataDir: 'data' }), null);
    assert.throws(() => nodesOf({ url: 'http://a', dataDir: 'data' }), isSetting(/not both/));
  } finally {
    if (before === undefined) delete process.env.HEARSAY_URL;
    else process.env.HEARSAY_URL = before;
  }
});

sources.run();
