/** The words that other users of the machine see of a process. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownWords } from '../../src/cli/processTitle.ts';
import { freePorts } from '../support/ports.ts';
import { CommandProcess, temporaryDirectory, waitFor } from '../support/processes.ts';

const title = suite('the title of a process');

const LIMIT_MS = 60_000;
const SECRET = 'a-secret-of-the-cluster';
const OWN_WORDS = '/proc/self/cmdline';

title('a secret is hidden behind its flag and behind an equals sign, and nothing else is', () => {
  assert.equal(
    shownWords(['serve', '--internal-token', SECRET, `--token=${SECRET}`, '--port', '1']),
    ['serve', '--internal-token', '…', '--token=…', '--port', '1'],
  );
  assert.equal(shownWords(['get', 'a', '--token-file', 'b']), ['get', 'a', '--token-file', 'b']);
});

title('no secret is shown, wherever its flag stands', () => {
  const word = fc.constantFrom('get', 'k', '--url', '--port', '8000');
  const flag = fc.constantFrom('--internal-token', '--token');
  fc.assert(
    fc.property(
      fc.array(word),
      flag,
      fc.boolean(),
      fc.array(word),
      (before, name, joined, after) => {
        const secret = joined ? [`${name}=${SECRET}`] : [name, SECRET];
        const shown = shownWords([...before, ...secret, ...after]);
        assert.not.match(shown.join(' '), SECRET);
        assert.is(shown.length, before.length + secret.length + after.length);
      },
    ),
  );
});

title('a node that is given its token by a flag does not show it', async () => {
  await using directory = await temporaryDirectory();
  const port = await freePorts(1);
  const words = ['serve', '--port', String(port), '--data-dir', directory.path];
  await using node = new CommandProcess([...words, '--internal-token', SECRET]);
  const isReady = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.ok ?? false;
  await waitFor(isReady, LIMIT_MS, 'the node is ready');
  // The kernel of another system may have no such file; there the two tests above stand alone.
  if (!existsSync(OWN_WORDS)) return;
  const shown = await readFile(`/proc/${node.pid}/cmdline`, 'utf8');
  assert.match(shown, 'hearsay serve --port');
  assert.not.match(shown, SECRET);
});

title.run();
