/** The files for systemd and Kubernetes name only settings that a node knows. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { readSettings, settingsShape } from '../../src/node/settings.ts';
import { withServer } from '../http/testServer.ts';
import { temporaryDirectory } from '../support/processes.ts';

const deploy = suite('deployment');

const textOf = (name: string): Promise<string> =>
  readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

/** `joinTimeoutMs` is JOIN_TIMEOUT and --join-timeout: units stand in values. */
const words = Object.keys(settingsShape).map((name) =>
  name.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
);
const flags = new Set(words.map((word) => `--${word}`));
const variables = new Set(words.map((word) => word.replaceAll('-', '_').toUpperCase()));

deploy('the unit of systemd names flags of a node', async () => {
  const [, command = ''] = /^ExecStart=(.*)$/m.exec(await textOf('hearsay.service')) ?? [];
  const named = command.match(/--[\w-]+/g) ?? [];
  assert.ok(named.length > 0);
  for (const flag of named) assert.ok(flags.has(flag), flag);
});

deploy('the pods are given settings of a node', async () => {
  const text = `${await textOf('kubernetes.yaml')}${await textOf('kubernetes-tls.yaml')}`;
  const named = [...text.matchAll(/- (?:\{ ?)?name: ([A-Z][A-Z_]*)/g)].map(([, name]) => name);
  assert.ok(named.length > 5);
  for (const name of named) assert.ok(variables.has(name ?? ''), name);
});

deploy(
  'names, ports, paths and files of the manifest are those of the node and of each other',
  async () => {
    const text = await textOf('kubernetes.yaml');
    const all = (pattern: RegExp, of = text): string[] =>
      [...of.matchAll(pattern)].map(([, found = '']) => found);
    const given = (name: string): string =>
      all(new RegExp(`name: ${name}, value: "?([^" }]+)`, 'g'))[0] ?? '';
    const services = all(/kind: Service\nmetadata:\n {2}name: (\S+)/g);
    assert.equal(services, ['hearsay-peers', 'hearsay']);
    const [governing] = all(/serviceName: (\S+)/g);
    assert.is(given('NODES'), `http://${governing}:8000`);
    assert.is(given('URL'), `http://$(NODE_ID).${governing}:8000`);
    assert.ok(services.includes(governing ?? ''));
    assert.ok(services.includes(given('ALLOWED_HOSTS')));
    const ports = all(/(?:containerPort|port|prometheus\.io\/port): "?(\d+)/g);
    assert.ok(ports.length >= 4);
    const { port } = readSettings({}, {});
    assert.equal([...new Set(ports)], [String(port)]);
    assert.equal([...new Set(all(/, port: ([a-z]+)/g))], ['http']);
    const secretFiles = all(/--from-file=(\S+)/g);
    for (const name of ['INTERNAL_TOKEN_FILE', 'AUTH_FILE']) {
      const [, mount, file = ''] = /^(\/\w+)\/(.+)$/.exec(given(name)) ?? [];
      assert.ok(text.includes(`name: secrets, mountPath: ${mount}, readOnly: true`), name);
      assert.ok(secretFiles.includes(file), file);
    }
    const [graceSeconds] = all(/terminationGracePeriodSeconds: (\d+)/g);
    const { leaveDelayMs, drainTimeoutMs } = readSettings(
      { leaveDelayMs: given('LEAVE_DELAY') },
      {},
    );
    assert.ok(Number(graceSeconds) * 1000 >= 2 * (leaveDelayMs + drainTimeoutMs));
    const paths = new Set(all(/httpGet: \{ path: (\S+),/g));
    assert.equal([...paths], ['/livez', '/readyz']);
    await withServer(async (server) => {
      for (const path of paths)
        assert.is(
          (await server.get(`${path}${path === '/readyz' ? '?exclude=joined' : ''}`)).status,
          200,
        );
    })();
  },
);

deploy('Kubernetes knows every field of the manifests, and the form of its value', async () => {
  await using directory = await temporaryDirectory();
  const text = await textOf('kubernetes.yaml');
  const patch = await textOf('kubernetes-tls.yaml');
  assert.is(faultsOfTypes(directory.path, text, 'whole'), '');
  assert.is(faultsOfTypes(directory.path, patch, 'patch'), '');
  const wrongPatch = patch.replace('scheme: HTTPS', 'schema: HTTPS');
  assert.match(faultsOfTypes(directory.path, wrongPatch, 'patch'), /'"schema"' does not exist/);
  for (const [right, wrong, fault] of [
    ['periodSeconds: 2', 'periodSecond: 2', /'"periodSecond"' does not exist/],
    ['replicas: 3', 'replicas: "3"', /'string' is not assignable to type 'number'/],
  ] as const) {
    assert.ok(text.includes(right), right);
    assert.match(faultsOfTypes(directory.path, text.replace(right, wrong), 'whole'), fault);
  }
});

deploy('systemd has nothing to say against the unit', () => {
  const file = new URL('../../deploy/hearsay.service', import.meta.url).pathname;
  const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', file]);
  if (error !== undefined) {
    console.log('skipped a part: systemd-analyze is not installed: apt-get install systemd');
    return;
  }
  assert.is(String(stderr), '');
  assert.is(status, 0);
});

deploy('kubectl makes one manifest of that for TLS, in which each probe and URL speaks it', () => {
  const directory = new URL('../../deploy/', import.meta.url).pathname;
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', directory]);
  if (error !== undefined) {
    console.log('skipped a part: kubectl is not installed');
    return;
  }
  assert.is(status, 0, String(stderr));
  const made = String(stdout);
  assert.is(made.match(/scheme: HTTPS/g)?.length, 3);
  assert.not.match(made, /http:\/\//);
  assert.match(made, /name: NODE_ID\n[\s\S]*name: URL\n/, 'a variable stands before its use');
  for (const kept of ['INTERNAL_TOKEN_FILE', 'failureThreshold: 150', 'mountPath: /data'])
    assert.ok(made.includes(kept), kept);
});

deploy.run();

const KINDS: Readonly<Record<string, string>> = {
  'v1 Service': 'core/v1',
  'policy/v1 PodDisruptionBudget': 'policy/v1',
  'apps/v1 StatefulSet': 'apps/v1',
};

/** A patch need not repeat what the manifest has. */
const PART = 'type Part<T> = T extends object ? { [K in keyof T]?: Part<T[K]> } : T;';

/** @returns what TypeScript says against a manifest as values of the types of Kubernetes; empty if nothing. */
function faultsOfTypes(directory: string, manifest: string, extent: 'whole' | 'patch'): string {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const lines = parseAllDocuments(manifest).map((document) => {
    const value: unknown = document.toJS();
    const { apiVersion, kind } = Object(value);
    const place = KINDS[`${apiVersion} ${kind}`];
    if (place === undefined) throw new Error(`The types of ${apiVersion} ${kind} are not known.`);
    const path = join(root, 'node_modules/kubernetes-types', `${place}.d.ts`);
    const type = `import(${JSON.stringify(path)}).${kind}`;
    return `(${JSON.stringify(value)}) satisfies ${extent === 'whole' ? type : `Part<${type}>`};`;
  });
  const file = join(directory, 'manifests.ts');
  writeFileSync(file, `export {};\n${PART}\n${lines.join('\n')}\n`);
  const compiler = join(root, 'node_modules/typescript/lib/tsc.js');
  const options = ['--noEmit', '--strict', '--ignoreConfig', '--types', '', '--skipLibCheck'];
  const { error, stdout, stderr } = spawnSync(process.execPath, [compiler, ...options, file], {
    cwd: directory,
  });
  if (error !== undefined) throw error;
  return `${stdout}${stderr}`;
}
