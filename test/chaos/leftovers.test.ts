/** The next run clears what a run has left that was killed with all that would have cleaned up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FOLDER_PREFIX } from '../../chaos/launch.ts';
import { clearLeftovers } from '../../chaos/leftovers.ts';
import { temporaryDirectory } from '../support/processes.ts';

const leftovers = suite('chaos leftovers');

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  assert.ok(child.pid);
  return child.pid ?? 0;
}

function makeFolder(parent: string, pid: number): string {
  const folder = join(parent, `${FOLDER_PREFIX}${pid}`);
  mkdirSync(join(folder, 'seed1', 'node1'), { recursive: true });
  writeFileSync(join(folder, 'seed1', 'node1', 'hearsay.db'), '');
  return folder;
}

leftovers('the folder of a dead run goes, that of a living one stays', async () => {
  await using parent = await temporaryDirectory();
  const dead = makeFolder(parent.path, await deadPid());
  const living = makeFolder(parent.path, process.pid);
  assert.equal(clearLeftovers(parent.path), [dead]);
  assert.not.ok(existsSync(dead));
  assert.ok(existsSync(living));
});

leftovers(
  'a node of a dead run is killed, another process with a like directory is not',
  async () => {
    await using parent = await temporaryDirectory();
    const dead = makeFolder(parent.path, await deadPid());
    const sleep = (directory: string) =>
      spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000); console.log("here")'], {
        env: { ...process.env, DATA_DIR: directory },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const orphan = sleep(join(dead, 'seed1', 'node1'));
    const stranger = sleep(join(`${dead}0`, 'node1'));
    try {
      await Promise.all([orphan, stranger].map(({ stdout }) => once(stdout, 'data')));
      clearLeftovers(parent.path);
      if (existsSync('/proc/self/environ')) {
        const [, signal] = await once(orphan, 'exit');
        assert.is(signal, 'SIGKILL');
      }
      assert.is(stranger.exitCode, null);
      assert.is(stranger.signalCode, null);
    } finally {
      orphan.kill('SIGKILL');
      stranger.kill('SIGKILL');
    }
  },
);

leftovers.run();
