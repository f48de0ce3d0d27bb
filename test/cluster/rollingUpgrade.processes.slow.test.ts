// time limit: 900 s
/** A cluster of the last release and of this tree, whose nodes change places: `npm run compatibility`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LAST_RELEASE } from '../../chaos/lastRelease.ts';

const upgrade = suite('a rolling upgrade');
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const isKnown =
  spawnSync('git', ['cat-file', '-e', `${LAST_RELEASE}^{commit}`], { cwd: ROOT }).status === 0;
if (!isKnown) console.log(`Skipped: this clone does not know the commit ${LAST_RELEASE}.`);

(isKnown ? upgrade : upgrade.skip)(
  'nodes of the last release and of this tree are one cluster, and open the logs of each other',
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['chaos/compatibility.ts'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const failed = stdout.split('\n').filter((line) => line.startsWith('  FAIL'));
    assert.equal([status, failed], [0, []], stderr);
    assert.ok((stdout.match(/^ {2}ok /gm) ?? []).length > 40, stdout);
  },
);

upgrade.run();
