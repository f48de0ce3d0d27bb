/** A data directory whose log is not a file. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LogDirectory } from '../../src/node/dataDirectory.ts';
import { WrongDirectoryError } from '../../src/words/errors.ts';
import { temporaryDirectory } from '../support/processes.ts';

const pipes = suite('pipe in the place of a log');

pipes('it is refused at once, and nothing waits for it', async () => {
  await using directory = await temporaryDirectory();
  execFileSync('mkfifo', [join(directory.path, 'hearsay.db')]);
  const log = new LogDirectory({
    directory: directory.path,
    durability: 'full',
    clusterName: 'hearsay',
    newOrigin: () => 'node1.aaaaaa',
  });
  const error: unknown = await log.open().catch((reason: unknown) => reason);
  assert.instance(error, WrongDirectoryError);
  assert.match(String(error), /hearsay\.db is not a file, so it can't hold a log\.$/);
});

pipes.run();
