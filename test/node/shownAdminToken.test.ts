/** The token for the scope `admin` comes into the data directory, if need be later. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findAdminToken, newAdminToken } from '../../src/node/adminToken.ts';
import { ShownAdminToken } from '../../src/node/shownAdminToken.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const shown = suite('the token for admin');

const URL_OF_NODE = 'http://localhost:8001';

shown('what can not be written is told once, and written once there is room', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'none yet');
  const token = newAdminToken(URL_OF_NODE);
  const warnings: string[] = [];
  const one = new ShownAdminToken({
    dataDir,
    token,
    retryMs: 5,
    warn: (text) => warnings.push(text),
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^The token for the scope admin can't be written yet \(ENOENT/);
  await mkdir(dataDir);
  await waitFor(() => findAdminToken(URL_OF_NODE, dataDir) === token, 5000, 'it is written');
  one.stop();
});

shown.run();
