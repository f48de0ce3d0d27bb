/** The tokens of a region at a real node: each gets 403 for all that its process does not need. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NodeProcess } from '../../../test/support/nodes.ts';
import { freePorts } from '../../../test/support/ports.ts';
import { temporaryDirectory } from '../../../test/support/processes.ts';
import { readTokens } from '../../process/tokenFile.ts';
import { ROLES, type Role } from '../../rules/grants.ts';
import { TOKEN_USES, type TokenUse } from '../../rules/nodeTokens.ts';
import { makeSecrets, makeSharedSecrets } from '../../run/secrets.ts';
import { type TableName, tablePrefix } from '../../tables/keys.ts';

const nodeTokens = suite('node tokens');

type Allowed = 'r' | 'w' | 'rw';

/** Behind the prefix of each table. */
const KEYS: Readonly<Record<TableName, readonly string[]>> = {
  config: ['eu/meadow', 'us/meadow'],
  session: ['eu/meadow/eu-meadow-1-1', 'us/meadow/us-meadow-1-1'],
  roster: ['eu/meadow/eu-meadow-1-1', 'us/meadow/us-meadow-1-1'],
  state: ['eu/meadow/1', 'us/meadow/1'],
  run: ['eu', 'us'],
  player: ['p1'],
  revoked: ['p1'],
  once: ['p1/key'],
  blocked: ['hash'],
};
const TABLES = Object.keys(KEYS) as TableName[];

const EXPECTED: Readonly<Record<Role, Partial<Record<TableName, Allowed>>>> = {
  player: {},
  fleet: {},
  edge: { blocked: 'rw' },
  identity: { revoked: 'w', player: 'w', once: 'w' },
  api: { config: 'rw', session: 'r', roster: 'r', player: 'r', revoked: 'rw', once: 'rw' },
  maintenance: { config: 'r', run: 'w' },
  world: {
    config: 'r',
    session: 'w',
    roster: 'w',
    player: 'rw',
    state: 'rw',
    revoked: 'r',
  },
  operator: {
    config: 'rw',
    session: 'r',
    roster: 'r',
    player: 'r',
    state: 'r',
    revoked: 'rw',
    once: 'r',
    run: 'r',
    blocked: 'r',
  },
};
/** Roles that have nothing to do with other regions. */
const OF_ONE_REGION: readonly Role[] = ['maintenance', 'world'];

interface Probe {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly use: TokenUse;
}

function probesOf(key: string): Probe[] {
  const text = encodeURIComponent(key);
  return [
    { method: 'GET', path: `/cache/${text}`, use: 'read' },
    { method: 'GET', path: `/cache?prefix=${text}`, use: 'read' },
    { method: 'PUT', path: `/cache/${text}`, body: { value: 1, version: 'next' }, use: 'write' },
    { method: 'DELETE', path: `/cache?prefix=${text}`, use: 'write' },
  ];
}

/** Never for a process of worlds. */
const FORBIDDEN: readonly Probe[] = [
  { method: 'GET', path: '/cache?prefix=', use: 'read' },
  { method: 'GET', path: '/watch?prefix=&initial=true', use: 'read' },
  { method: 'DELETE', path: '/cache?prefix=&all=true', use: 'write' },
  { method: 'GET', path: '/metrics', use: 'read' },
  { method: 'GET', path: '/_cluster', use: 'read' },
  { method: 'GET', path: '/_log', use: 'read' },
  { method: 'POST', path: '/_log/compact', use: 'write' },
  { method: 'POST', path: '/_cluster/retire', use: 'write' },
];

nodeTokens(
  'each reads or writes what its process needs, and is refused everything else',
  async () => {
    await using directory = await temporaryDirectory();
    const shared = await makeSharedSecrets(directory.path);
    const paths = await makeSecrets('eu', directory.path, shared);
    const port = await freePorts(1);
    await using node = new NodeProcess('n', `http://127.0.0.1:${port}`, directory.path, {
      NODE_ID: 'n',
      PORT: String(port),
      DATA_DIR: join(directory.path, 'n'),
      AUTH_FILE: paths.authFile,
      INTERNAL_TOKEN_FILE: paths.internalTokenFile,
    });
    await node.start();
    const ask = async (token: string | null, { method, path, body }: Probe): Promise<number> => {
      const headers = {
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        'Content-Type': 'application/json',
      };
      const answer = await node.request(path, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      await answer.body?.cancel();
      return answer.status;
    };
    const wrong: string[] = [];
    const check = async (name: string, token: string, probe: Probe, isAllowed: boolean) => {
      const status = await ask(token, probe);
      const isRefused = status === 403;
      if (isRefused === isAllowed || status === 401)
        wrong.push(`${name}: ${probe.method} ${probe.path} ${status}`);
    };
    for (const role of ROLES) {
      const tokens = await readTokens(paths.tokenFile(role)).catch(() => null);
      assert.is(tokens === null, Object.keys(EXPECTED[role]).length === 0, role);
      for (const use of TOKEN_USES) {
        const token = tokens?.[use] ?? null;
        if (token === null) continue;
        const name = `${role} ${use}`;
        for (const table of TABLES)
          await Promise.all(
            KEYS[table].flatMap((rest) => {
              const isOfOther = rest.startsWith('us') && OF_ONE_REGION.includes(role);
              const allowed = isOfOther ? '' : (EXPECTED[role][table] ?? '');
              return probesOf(`${tablePrefix(table)}${rest}`).map((probe) =>
                check(name, token, probe, probe.use === use && allowed.includes(use.slice(0, 1))),
              );
            }),
          );
        await Promise.all(FORBIDDEN.map((probe) => check(name, token, probe, false)));
      }
    }
    assert.equal(wrong, []);
    for (const probe of probesOf('worlds/config/eu/meadow')) assert.is(await ask(null, probe), 401);
  },
);

nodeTokens.run();
