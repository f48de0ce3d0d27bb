/** The parts of Hearsay: every licence is allowed, and the list of parts for auditors is whole. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mustRun, ROOT, run } from '../../scripts/consumer.ts';
import { temporaryDirectory } from '../support/processes.ts';

const SCRIPT = join(ROOT, 'scripts', 'licences.mjs');

const licences = suite('licences');

licences('every package that comes with Hearsay has an allowed licence', async () => {
  const output = await mustRun(ROOT, process.execPath, SCRIPT);
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  for (const [name, version] of Object.entries(dependencies))
    assert.ok(output.includes(`${name}@${version}\t`), name);
  assert.not.match(output, /typescript|uvu/);
});

licences('another licence, or none, fails and is named in a sentence', async () => {
  const outcome = await checked({
    'node_modules/a': { version: '1.0.0', license: 'GPL-3.0-only' },
    'node_modules/a/node_modules/@s/b': { version: '2.0.0' },
    'node_modules/c': { version: '3.0.0', license: '(MIT OR GPL-3.0-only)' },
    'node_modules/d': { version: '4.0.0', license: '(MIT AND GPL-3.0-only)' },
    'node_modules/e': { version: '5.0.0', license: 'GPL-3.0-only', dev: true },
  });
  assert.is(outcome.code, 1);
  const refused = [...outcome.output.matchAll(/^The licence of (\S+) \((.+)\) is not allowed/gm)];
  assert.equal(
    refused.map(([, name, licence]) => [name, licence]),
    [
      ['@s/b@2.0.0', 'none named'],
      ['a@1.0.0', 'GPL-3.0-only'],
      ['d@4.0.0', '(MIT AND GPL-3.0-only)'],
    ],
  );
});

licences('the SBOM names the same packages as the lockfile', async () => {
  const listed = await mustRun(ROOT, process.execPath, SCRIPT);
  const sbom: { components: { name: string; version: string }[] } = JSON.parse(
    await mustRun(ROOT, 'npm', 'run', '--silent', 'sbom'),
  );
  const names = sbom.components.map(({ name, version }) => `${name}@${version}`);
  const wanted = listed.trimEnd().split('\n');
  assert.equal(names.sort(), wanted.map((line) => line.split('\t')[0]).sort());
});

licences.run();

async function checked(packages: object): Promise<{ code: number; output: string }> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'package-lock.json');
  await writeFile(file, JSON.stringify({ packages: { '': {}, ...packages } }));
  return await run(ROOT, process.execPath, SCRIPT, file);
}
