/** The files of the image: no published secret, nothing but its data given away, no rights that it needs not. */
import { readFileSync } from 'node:fs';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT, run } from '../../scripts/consumer.ts';
import { temporaryDirectory } from '../support/processes.ts';

const COMPOSE = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
const ENTRY_POINT = join(ROOT, 'docker', 'entry-point.sh');
const TOKEN = join(ROOT, 'docker', 'token.sh');

const docker = suite('docker');

docker('the secret is made once, for its owner alone, and differs each time', async () => {
  const secrets = await Promise.all([madeSecret(), madeSecret()]);
  for (const secret of secrets) assert.match(secret, /^[\w-]{43}$/);
  assert.is.not(secrets[0], secrets[1]);
});

docker('a secret that is there stays', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'token');
  await writeFile(file, 'one');
  assert.is((await run(ROOT, 'sh', TOKEN, file)).code, 0);
  assert.is(await readFile(file, 'utf8'), 'one');
});

docker('the compose file holds no secret, and takes one from the environment', () => {
  assert.equal(
    [...COMPOSE.matchAll(/^ *INTERNAL_TOKEN: (.*)$/gm)].map(([, value]) => value),
    [`\${INTERNAL_TOKEN:-}`],
  );
});

docker('every service is restricted, of one image, and reached from this machine alone', () => {
  const services = COMPOSE.slice(COMPOSE.indexOf('\nservices:'), COMPOSE.indexOf('\nvolumes:'));
  const names = [...services.matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
  assert.equal(names, ['token', 'node1', 'node2', 'node3']);
  assert.is(services.match(/^ {4}<<: \*(restricted|node)$/gm)?.length, names.length);
  assert.match(COMPOSE, /&restricted\n(?: {2}.*\n)*? {2}read_only: true\n {2}cap_drop: \[ALL\]\n/);
  assert.match(COMPOSE, /no-new-privileges:true/);
  assert.match(COMPOSE, /&node\n {2}<<: \*restricted\n/);
  assert.is(COMPOSE.match(/image:/g)?.length, 1);
  for (const [, port] of COMPOSE.matchAll(/ports: \["([^"]+)"\]/g))
    assert.match(port ?? '', /^127\.0\.0\.1:/);
});

for (const path of ['/', '//', '/usr', '/etc/ssl', '/data/..', '/app']) {
  docker(`the entry point refuses DATA_DIR=${path} before it gives anything away`, async () => {
    const { code, output } = await entered(`DATA_DIR=${path}`);
    assert.match(output, /^DATA_DIR is \/.*, which is no directory for data alone: [^\n]+\.\n$/);
    assert.is(code, 2);
  });
}

docker('a file of the token that can not be read is named', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'none');
  const data = join(directory.path, 'data');
  const { code, output } = await entered(`DATA_DIR=${data}`, `INTERNAL_TOKEN_FILE=${file}`);
  assert.ok(output.startsWith(`INTERNAL_TOKEN_FILE is ${file}, which can't be read`), output);
  assert.is(code, 2);
});

for (const [who, isRoots, expected] of [
  ['a file that the node may read is read by the node', false, 'INTERNAL_TOKEN_FILE=FILE'],
  ["of a file that is root's alone the node gets the token", true, 'INTERNAL_TOKEN=a-token'],
] as const)
  docker(who, async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'token');
    await writeFile(file, 'a-token\n');
    const { output } = await enteredAsRoot(file, isRoots);
    assert.is(
      output.trim(),
      expected.replace(/=FILE$/, () => `=${file}`),
    );
  });

docker(
  "two tokens in a file that is root's alone are refused, as nobody would read it again",
  async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'token');
    await writeFile(file, 'a-token\nthe next\n');
    const { code, output } = await enteredAsRoot(file, true);
    assert.match(output, /has two tokens, and only root may read it: let the user node/);
    assert.is(code, 2);
  },
);

docker('scripts may be run', async () => {
  for (const script of [ENTRY_POINT, TOKEN]) assert.ok((await stat(script)).mode & 0o100, script);
});

docker.run();

/** Runs the entry point with no tools that could give anything away, in case it goes too far. */
async function entered(...environment: string[]): Promise<{ code: number; output: string }> {
  await using directory = await temporaryDirectory();
  for (const tool of ['chown', 'find', 'mkdir', 'setpriv', 'id']) {
    const file = join(directory.path, tool);
    await writeFile(file, '#!/bin/sh\necho "went too far" >&2\nexit 9\n');
    await chmod(file, 0o755);
  }
  const path = `PATH=${directory.path}:${process.env.PATH}`;
  return await run(ROOT, 'env', path, ...environment, 'sh', ENTRY_POINT, 'serve');
}

/** With tools that change nothing, and a node that prints what it is given of the token. */
async function enteredAsRoot(
  file: string,
  isRoots: boolean,
): Promise<{ code: number; output: string }> {
  await using directory = await temporaryDirectory();
  const tools = {
    id: 'echo 0',
    chown: ':',
    find: ':',
    mkdir: ':',
    setpriv: `[ "$5" != test ] || exit ${isRoots ? 1 : 0}; env | grep ^INTERNAL_TOKEN`,
  };
  for (const [tool, text] of Object.entries(tools)) {
    const path = join(directory.path, tool);
    await writeFile(path, `#!/bin/sh\n${text}\n`);
    await chmod(path, 0o755);
  }
  const environment = [
    `PATH=${directory.path}:${process.env.PATH}`,
    `DATA_DIR=${join(directory.path, 'data')}`,
    `INTERNAL_TOKEN_FILE=${file}`,
    'INTERNAL_TOKEN=',
  ];
  return await run(ROOT, 'env', ...environment, 'sh', ENTRY_POINT, 'serve');
}

async function madeSecret(): Promise<string> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'token');
  const { code, output } = await run(ROOT, 'sh', TOKEN, file);
  assert.is(code, 0, output);
  assert.is((await stat(file)).mode & 0o777, 0o600);
  return await readFile(file, 'utf8');
}
