/** Requests of operators to an api, over HTTP, with the configurations in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AccessClaims } from '../../access/accessToken.ts';
import type { AuditRecord } from '../../access/auditChain.ts';
import { makeRoleKeys, openGuard, openSigner } from '../../access/serviceTokens.ts';
import { type AdminOptions, adminRoutes } from '../../api/adminRoutes.ts';
import { API_TARGET, Callers } from '../../api/callers.ts';
import { jsonApp, listen } from '../../http/jsonApp.ts';
import { type Action, mayDo, PLAYER_SCOPE, ROLES, type Role } from '../../rules/grants.ts';
import type { WorldConfiguration } from '../../rules/worldConfiguration.ts';
import type { VersionedConfiguration } from '../../tables/operatorTables.ts';
import { meadow } from '../support/configurations.ts';
import { playerId } from '../support/testWorld.ts';

const admin = suite('admin');

type Store = AdminOptions['configurations'];

class MemoryConfigurations implements Store {
  readonly rows = new Map<string, VersionedConfiguration>();
  /** Called between reading and writing. */
  meanwhile = (): void => {};

  async read(region: string, world: string) {
    const present = this.rows.get(`${region}/${world}`) ?? null;
    this.meanwhile();
    return present;
  }

  async create(region: string, world: string, configuration: WorldConfiguration, nowMs: number) {
    if (this.rows.has(`${region}/${world}`)) return null;
    this.rows.set(`${region}/${world}`, { configuration, version: nowMs });
    return nowMs;
  }

  async write(
    region: string,
    world: string,
    configuration: WorldConfiguration,
    readVersion: number,
  ) {
    const key = `${region}/${world}`;
    if (this.rows.get(key)?.version !== readVersion) return null;
    this.rows.set(key, { configuration, version: readVersion + 1 });
    return readVersion + 1;
  }

  async remove(region: string, world: string, readVersion: number) {
    const key = `${region}/${world}`;
    return this.rows.get(key)?.version === readVersion && this.rows.delete(key);
  }
}

async function serve() {
  await using starting = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-admin-'));
  starting.defer(() => rm(directory, { recursive: true, force: true }));
  await makeRoleKeys(directory, ROLES);
  const configurations = new MemoryConfigurations();
  const revoked: string[] = [];
  const audit: AuditRecord[] = [];
  const claims: AccessClaims = {
    player: playerId(1),
    session: 's',
    gen: 1,
    scope: `${PLAYER_SCOPE} configuration.write`,
    issuedAtMs: 0,
    expiresAtMs: Number.POSITIVE_INFINITY,
  };
  const known = (token: string) => (token === 'player' ? claims : null);
  const verifier = { known, verify: async (token: string) => known(token) };
  const routes = adminRoutes({
    callers: new Callers(verifier, await openGuard(directory, API_TARGET)),
    configurations,
    revocations: { revoke: async (subject) => void revoked.push(subject) },
    audit: { write: (record) => void audit.push(record) },
    now: () => 5000,
  });
  const faults: unknown[] = [];
  const app = jsonApp(routes, (error) => faults.push(error));
  const at = starting.use(await listen(app.callback(), '127.0.0.1', 0));
  const tokenOf = async (role: Role, target = API_TARGET): Promise<string> =>
    role === 'player' ? 'player' : (await openSigner(directory, role)).tokenFor(target);
  const ask = async (
    token: string,
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ) => {
    const answer = await fetch(at.url + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: answer.status, etag: answer.headers.get('ETag') ?? '', json };
  };
  const ends = starting.move();
  return {
    configurations,
    revoked,
    audit,
    faults,
    tokenOf,
    ask,
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

const PATH = '/admin/worlds/eu/meadow';
const REQUESTS: readonly [Action, string, string][] = [
  ['configuration.read', 'GET', PATH],
  ['configuration.write', 'PUT', PATH],
  ['configuration.write', 'DELETE', PATH],
  ['world.drain', 'POST', `${PATH}/drain`],
  ['player.revoke', 'POST', `/admin/players/${playerId(2)}/revoke`],
];

admin('of all roles, only those do an action that the table grants it to', async () => {
  await using api = await serve();
  for (const role of ROLES)
    for (const [action, method, path] of REQUESTS) {
      const { status, json } = await api.ask(await api.tokenOf(role), method, path);
      const case_ = `${role} ${method} ${path}`;
      if (mayDo(role, action)) assert.not.ok([401, 403].includes(status), case_);
      else assert.equal([status, json.reason], [403, 'forbidden'], case_);
    }
  for (const token of ['', 'x.y.z', await api.tokenOf('operator', 'eu-meadow-1-1')])
    assert.is((await api.ask(token, 'GET', PATH)).status, 401);
  assert.equal(api.faults, []);
});

admin('each change is audited with its end, and no reading', async () => {
  await using api = await serve();
  const token = await api.tokenOf('operator');
  const absent = { 'If-None-Match': '*' };
  await api.ask(token, 'PUT', PATH, absent, meadow());
  await api.ask(token, 'PUT', PATH, absent, meadow());
  await api.ask(token, 'GET', PATH);
  await api.ask(token, 'POST', `${PATH}/drain`);
  await api.ask(token, 'DELETE', PATH, { 'If-Match': '*' });
  await api.ask(token, 'POST', `/admin/players/${playerId(2)}/revoke`);
  await api.ask('player', 'POST', `${PATH}/drain`);
  const by = { who: 'operator', role: 'operator' };
  const write = { ...by, action: 'configuration.write', target: 'eu/meadow' };
  assert.equal(api.audit, [
    { ...write, result: 'done' },
    { ...write, result: 'refused', reason: 'changed' },
    { ...write, action: 'world.drain', result: 'done' },
    { ...write, result: 'refused', reason: 'running' },
    { ...by, action: 'player.revoke', target: playerId(2), result: 'done' },
  ]);
});

admin('a configuration is written only over the version that was read', async () => {
  await using api = await serve();
  const token = await api.tokenOf('operator');
  const ask = (method: string, headers: Record<string, string> = {}, body?: unknown) =>
    api.ask(token, method, PATH, headers, body);
  const reasonOf = async (answer: ReturnType<typeof ask>) => {
    const { status, json } = await answer;
    return [status, json.reason];
  };
  assert.equal(await reasonOf(ask('GET')), [404, 'world']);
  assert.equal(await reasonOf(ask('PUT', {}, meadow())), [422, 'condition']);
  assert.equal(await reasonOf(ask('PUT', { 'If-Match': '"1"' }, meadow())), [412, 'changed']);
  assert.equal(await reasonOf(ask('PUT', { 'If-Match': '*' }, meadow())), [412, 'changed']);
  const made = await ask('PUT', { 'If-None-Match': '*' }, meadow());
  assert.equal([made.status, made.etag], [200, '"5000"']);
  assert.equal(made.json, {
    region: 'eu',
    world: 'meadow',
    version: 5000,
    configuration: meadow(),
  });
  assert.equal(await reasonOf(ask('PUT', { 'If-None-Match': '*' }, meadow())), [412, 'changed']);
  const edited = await ask('PUT', { 'If-Match': made.etag }, meadow({ maxPlayers: 9 }));
  assert.equal([edited.status, edited.etag], [200, '"5001"']);
  assert.equal((await ask('GET')).json, edited.json);
  assert.equal(await reasonOf(ask('PUT', { 'If-Match': made.etag }, meadow())), [412, 'changed']);

  // Somebody else writes between this one's reading and writing.
  const held = api.configurations.rows.get('eu/meadow');
  api.configurations.meanwhile = () => {
    api.configurations.rows.set('eu/meadow', { configuration: meadow(), version: 7000 });
  };
  assert.equal(await reasonOf(ask('PUT', { 'If-Match': edited.etag }, meadow())), [412, 'changed']);
  assert.is(api.configurations.rows.get('eu/meadow')?.version, 7000);
  api.configurations.meanwhile = () => {};
  if (held !== undefined) api.configurations.rows.set('eu/meadow', held);

  for (const body of ['{', { ...meadow(), maxPlayers: 201 }, { ...meadow(), x: 1 }, [], 'null'])
    assert.equal(await reasonOf(ask('PUT', { 'If-Match': '*' }, body)), [422, 'body']);
  assert.equal(
    await reasonOf(ask('PUT', { 'If-Match': '*' }, { ...meadow(), name: 'x'.repeat(17_000) })),
    [413, 'too large'],
  );
  assert.is((await api.ask(token, 'GET', '/admin/worlds/EU/meadow')).status, 422);

  // A world that runs is not deleted.
  assert.equal(await reasonOf(ask('DELETE', { 'If-Match': '*' })), [422, 'running']);
  const stopped = await ask('PUT', { 'If-Match': '*' }, meadow({ desired: 'stopped' }));
  assert.equal(await reasonOf(ask('DELETE', { 'If-Match': edited.etag })), [412, 'changed']);
  assert.is((await ask('DELETE', { 'If-Match': stopped.etag })).status, 200);
  assert.equal(await reasonOf(ask('DELETE', { 'If-Match': '*' })), [404, 'world']);
  assert.equal(api.faults, []);
});

admin('a drain counts also over an edit that comes between, and twice is once', async () => {
  await using api = await serve();
  const token = await api.tokenOf('operator');
  const drain = () => api.ask(token, 'POST', `${PATH}/drain`);
  assert.is((await drain()).status, 404);
  const { configurations } = api;
  configurations.rows.set('eu/meadow', { configuration: meadow(), version: 1 });
  let edits = 2;
  configurations.meanwhile = () => {
    if (edits > 0)
      configurations.rows.set('eu/meadow', { configuration: meadow(), version: 10 - edits });
    edits -= 1;
  };
  const drained = await drain();
  assert.is(drained.status, 200);
  assert.is(configurations.rows.get('eu/meadow')?.configuration?.desired, 'drained');
  assert.equal((await drain()).json, drained.json);
  configurations.rows.set('eu/meadow', { configuration: null, version: 20 });
  assert.is((await drain()).status, 422);
  assert.is((await api.ask(token, 'GET', PATH)).json.configuration, null);
});

admin('a revocation names a player', async () => {
  await using api = await serve();
  const token = await api.tokenOf('operator');
  const revoke = (player: string) => api.ask(token, 'POST', `/admin/players/${player}/revoke`);
  assert.is((await revoke('somebody')).status, 422);
  const { status, json } = await revoke(playerId(3));
  assert.is(status, 200);
  assert.is(json.until, new Date(5000 + 16 * 60_000).toISOString());
  assert.equal(api.revoked, [playerId(3)]);
});

admin.run();
